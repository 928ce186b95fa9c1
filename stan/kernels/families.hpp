// The families of the components. Each has
//   AUX, SUMS           how many packs it carries from term() to add(), and how many sums it needs
//   constants           K rows of numbers, set once
//   see<W>()            loads a pack of observations
//   term<W>()           log f_k without the base and log theta_k
//   add<W>()            adds w r times what the sums are of; sums[0] is that of w r itself
//   finish()            derivatives by location, scale and shape from the sums
#ifndef STANMIX_FAMILIES_HPP
#define STANMIX_FAMILIES_HPP

#include <algorithm>
#include <cmath>
#include <vector>

#include "numbers.hpp"
#include "pack.hpp"

namespace stanmix {

/** The rows, distinct ones where each has a membership of its own; pointers that a family does not need may be null. */
struct Observations {
  long n;
  const double* y;         // continuous values
  const int* whole;        // counts
  const int* trials;       // behind each count
  const double* exposure;  // behind each count
  const double* count;     // how many units are alike: rows, or groups of rows with one membership each
  const int* known;        // the component of each unit where it is known, from 1; 0 elsewhere
  double half_step;        // half the rounding step
  long groups = 0;         // how many there are,
  const long* begins = nullptr;  // and the first row of each, and n at the end; null where every row is a unit
};

/** K values each. */
struct Components {
  int K;
  const double *log_theta, *location, *scale, *shape;
  double zero;  // the weight of extra zeros; negative for none
};

/** The log likelihood and its derivatives. */
struct Result {
  double value, zero;
  int K;
  std::vector<double> slopes;  // by log theta, location, scale and shape, K each

  double* log_theta() { return slopes.data(); }
  double* location() { return slopes.data() + K; }
  double* scale() { return slopes.data() + 2 * K; }
  double* shape() { return slopes.data() + 3 * K; }
};

/** One pack of observations as a family sees them. */
template <int W>
struct Seen {
  typename Pack<W>::reals a, b, base;  // base: the part of the log density that no parameter changes
  long first;
  int n;  // lanes in use; the others repeat the last one
};

template <int W, typename F>
STANMIX_INLINE typename Pack<W>::reals gathered(const Seen<W>& seen, F&& of) {
  double values[W];
  for (int i = 0; i < W; ++i) values[i] = of(seen.first + std::min(i, seen.n - 1));
  return Pack<W>::load(values);
}

template <int W>
STANMIX_INLINE typename Pack<W>::reals gathered(const Seen<W>& seen, const double* from) {
  if (seen.n == W) return Pack<W>::load(from + seen.first);
  return gathered<W>(seen, [from](long i) { return from[i]; });
}

/** Values as they are. */
struct OfValues {
  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, o.y);
    seen.base = typename Pack<W>::reals{};
  }
};

struct Normal : OfValues {
  static constexpr int AUX = 1, SUMS = 3;
  struct Constant {
    double height, location, inverse;
  };
  std::vector<Constant> constants;

  Normal(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) {
      constants[k] = {c.log_theta[k] - std::log(c.scale[k]) - LOG_SQRT_TWO_PI, c.location[k], 1 / c.scale[k]};
    }
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Constant& c = constants[k];
    aux[0] = (seen.a - c.location) * c.inverse;
    return c.height - 0.5 * aux[0] * aux[0];
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>&, int, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    const typename Pack<W>::reals rz = r * aux[0];
    sums[0] += r;
    sums[1] += rz;
    sums[2] += rz * aux[0];
  }

  void finish(int k, const double* sums, double& location, double& scale, double&) const {
    location = constants[k].inverse * sums[1];
    scale = constants[k].inverse * (sums[2] - sums[0]);
  }
};

struct Lognormal : Normal {
  using Normal::Normal;

  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = Pack<W>::log(gathered<W>(seen, o.y));
    seen.base = -seen.a;
  }
};

struct StudentT : OfValues {
  static constexpr int AUX = 3, SUMS = 4;
  struct Constant {
    double height, location, inverse, nu, inverse_nu, slope;
  };
  std::vector<Constant> constants;

  StudentT(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) {
      const double nu = c.shape[k], half = 0.5 * nu;
      double ratio, slope;  // log gamma(half + 1/2) - log gamma(half) - log(half) / 2, and its derivative by nu
      if (half > 20) {
        ratio = half * std::log1p(0.5 / half) - 0.5 + stirling_remainder(half + 0.5) - stirling_remainder(half);
        slope = 0.5 * (std::log1p(0.5 / half) - 0.5 / (half + 0.5) + stirling_slope(half + 0.5) - stirling_slope(half));
      } else {
        ratio = std::lgamma(half + 0.5) - std::lgamma(half) - 0.5 * std::log(half);
        slope = 0.5 * (digamma(half + 0.5) - digamma(half) - 0.5 / half);
      }
      constants[k] = {c.log_theta[k] + ratio - LOG_SQRT_TWO_PI - std::log(c.scale[k]), c.location[k], 1 / c.scale[k],
                      nu, 1 / nu, slope};
    }
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Constant& c = constants[k];
    aux[0] = (seen.a - c.location) * c.inverse;
    aux[1] = aux[0] * aux[0] * c.inverse_nu;
    aux[2] = Pack<W>::log1p(aux[1]);
    return c.height - (0.5 * (c.nu + 1)) * aux[2];
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>&, int, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    const typename Pack<W>::reals over = r / (1 + aux[1]);
    sums[0] += r;
    sums[1] += over * aux[0];
    sums[2] += over * aux[1];
    sums[3] += r * aux[2];
  }

  void finish(int k, const double* sums, double& location, double& scale, double& shape) const {
    const Constant& c = constants[k];
    location = c.inverse * (c.nu + 1) * c.inverse_nu * sums[1];
    scale = c.inverse * ((c.nu + 1) * sums[2] - sums[0]);
    shape = c.slope * sums[0] + 0.5 * ((c.nu + 1) * c.inverse_nu * sums[2] - sums[3]);
  }
};

struct Gamma {
  static constexpr int AUX = 2, SUMS = 3;
  struct Constant {
    double height, inverse, log_location, a, slope, chain;
  };
  std::vector<Constant> constants;

  Gamma(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) {
      const double a = 1 / (c.scale[k] * c.scale[k]);
      // a log a - a - log gamma(a), and its derivative log a - digamma(a)
      double height, slope;
      if (a > 20) {
        height = 0.5 * std::log(a) - LOG_SQRT_TWO_PI - stirling_remainder(a);
        slope = 0.5 / a - stirling_slope(a);
      } else {
        height = a * std::log(a) - a - std::lgamma(a);
        slope = std::log(a) - digamma(a);
      }
      constants[k] = {c.log_theta[k] + height, 1 / c.location[k], std::log(c.location[k]), a, slope,
                      -2 * a / c.scale[k]};
    }
  }

  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, o.y);
    seen.b = Pack<W>::log(seen.a);
    seen.base = -seen.b;
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Constant& c = constants[k];
    aux[0] = seen.a * c.inverse - 1;
    aux[1] = seen.b - c.log_location - aux[0];
    return c.height + c.a * aux[1];
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>&, int, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    sums[0] += r;
    sums[1] += r * aux[0];
    sums[2] += r * aux[1];
  }

  void finish(int k, const double* sums, double& location, double& scale, double&) const {
    const Constant& c = constants[k];
    location = c.a * c.inverse * sums[1];
    scale = c.chain * (sums[2] + c.slope * sums[0]);
  }
};

struct Weibull {
  static constexpr int AUX = 2, SUMS = 3;
  static constexpr double MOST = 700;  // of the log of the hazard: beyond that the density is 0 all the same
  struct Constant {
    double height, inverse, log_location, shape;
  };
  std::vector<Constant> constants;

  Weibull(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) {
      constants[k] = {c.log_theta[k] + std::log(M_LN2) + std::log(c.scale[k]), 1 / c.location[k],
                      std::log(c.location[k]), c.scale[k]};
    }
  }

  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = Pack<W>::log(gathered<W>(seen, o.y));
    seen.base = -seen.a;
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Constant& c = constants[k];
    aux[0] = c.shape * (seen.a - c.log_location);
    aux[1] = 1 - M_LN2 * Pack<W>::exp(-Pack<W>::larger(-aux[0], Pack<W>::all(-MOST)));
    return c.height + aux[0] + (aux[1] - 1);
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>&, int, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    const typename Pack<W>::reals slope = r * aux[1];
    sums[0] += r;
    sums[1] += slope;
    sums[2] += slope * aux[0];
  }

  void finish(int k, const double* sums, double& location, double& scale, double&) const {
    const Constant& c = constants[k];
    location = -c.shape * c.inverse * sums[1];
    scale = (sums[0] + sums[2]) / c.shape;
  }
};

struct SkewNormal : OfValues {
  static constexpr int AUX = 2, SUMS = 4;
  struct Constant {
    double height, origin, inverse, slant;
    double scale, narrowing, shift, bend;  // omega / sd, (mean - origin) / omega, and its derivative by the slant
  };
  std::vector<Constant> constants;

  SkewNormal(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) {
      const double slant = c.shape[k], root = std::sqrt(1 + slant * slant), over = std::sqrt(2 / M_PI);
      const double shift = over * slant / root, narrowing = 1 / std::sqrt(1 - shift * shift);
      const double omega = c.scale[k] * narrowing;
      constants[k] = {c.log_theta[k] + M_LN2 - std::log(omega) - LOG_SQRT_TWO_PI,
                      c.location[k] - omega * shift,
                      1 / omega,
                      slant,
                      c.scale[k],
                      narrowing,
                      shift,
                      over / (root * root * root)};
    }
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Constant& c = constants[k];
    aux[0] = (seen.a - c.origin) * c.inverse;
    double z[W], tail[W], ratio[W];
    Pack<W>::store(z, aux[0]);
    for (int i = 0; i < W; ++i) {
      const NormalTail at(c.slant * z[i]);
      tail[i] = at.log_cdf;
      ratio[i] = at.ratio;
    }
    aux[1] = Pack<W>::load(ratio);
    return c.height - 0.5 * aux[0] * aux[0] + Pack<W>::load(tail);
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>&, int k, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    const typename Pack<W>::reals slope = r * (constants[k].slant * aux[1] - aux[0]);
    sums[0] += r;
    sums[1] += slope;
    sums[2] += slope * aux[0];
    sums[3] += r * aux[0] * aux[1];
  }

  void finish(int k, const double* sums, double& location, double& scale, double& shape) const {
    const Constant& c = constants[k];
    const double omega = 1 / c.inverse;
    const double by_origin = -c.inverse * sums[1];
    const double by_omega = -c.inverse * (sums[2] + sums[0]);
    const double widening = omega * c.shift * c.bend * c.narrowing * c.narrowing;  // of omega by the slant
    location = by_origin;
    scale = c.narrowing * (by_omega - c.shift * by_origin);
    shape = sums[3] + by_omega * widening - by_origin * (omega * c.bend + widening * c.shift);
  }
};

/** The probability of the interval that was rounded to the value; lognormal: the same of the logs. */
template <bool OF_LOGS>
struct RoundedNormal {
  static constexpr int AUX = 2, SUMS = 3;
  std::vector<Normal::Constant> constants;

  RoundedNormal(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) constants[k] = {c.log_theta[k], c.location[k], 1 / c.scale[k]};
  }

  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    double lower[W], width[W];
    for (int i = 0; i < W; ++i) {
      const double y = o.y[seen.first + std::min(i, seen.n - 1)];
      lower[i] = y - o.half_step;
      width[i] = (y + o.half_step) - lower[i];
      if (OF_LOGS && lower[i] > 0) {
        width[i] = std::log1p(width[i] / lower[i]);
        lower[i] = std::log(lower[i]);
      } else if (OF_LOGS) {  // all below the upper end, which takes the place of the width
        width[i] = std::log(y + o.half_step);
        lower[i] = -INFINITE;
      }
    }
    seen.a = Pack<W>::load(lower);
    seen.b = Pack<W>::load(width);
    seen.base = typename Pack<W>::reals{};
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Normal::Constant& c = constants[k];
    double lower[W], width[W], value[W], mean[W], square[W];
    Pack<W>::store(lower, seen.a);
    Pack<W>::store(width, seen.b);
    for (int i = 0; i < W; ++i) {
      if (lower[i] == -INFINITE) {
        const NormalTail below((width[i] - c.location) * c.inverse);
        value[i] = below.log_cdf;
        mean[i] = -below.ratio;
        square[i] = -(width[i] - c.location) * c.inverse * below.ratio;
      } else {
        const NormalInterval in((lower[i] - c.location) * c.inverse, width[i] * c.inverse);
        value[i] = in.log_probability;
        mean[i] = in.mean;
        square[i] = in.square;
      }
    }
    aux[0] = Pack<W>::load(mean);
    aux[1] = Pack<W>::load(square);
    return c.height + Pack<W>::load(value);
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>&, int, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    sums[0] += r;
    sums[1] += r * aux[0];
    sums[2] += r * aux[1];
  }

  void finish(int k, const double* sums, double& location, double& scale, double&) const {
    location = constants[k].inverse * sums[1];
    scale = constants[k].inverse * sums[2];
  }
};

/** The exposure's part of a count's log probability, and the factorial. */
inline double count_base(const Observations& o, long i) {
  const int y = o.whole[i];
  return (o.exposure[i] == 1 || y == 0 ? 0 : y * std::log(o.exposure[i])) - log_factorial(y);
}

/** The binomial coefficient. */
inline double choices(const Observations& o, long i) {
  return log_factorial(o.trials[i]) - log_factorial(o.whole[i]) - log_factorial(o.trials[i] - o.whole[i]);
}

/** log x that can be multiplied by 0. */
inline double finite_log(double x) { return std::max(std::log(x), -LARGEST); }

/** Counts with their exposure. */
struct OfCounts {
  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, [&o](long i) { return double(o.whole[i]); });
    seen.b = gathered<W>(seen, o.exposure);
    seen.base = gathered<W>(seen, [&o](long i) { return count_base(o, i); });
  }
};

struct Poisson : OfCounts {
  static constexpr int AUX = 0, SUMS = 3;
  struct Constant {
    double height, rate, log_rate;
  };
  std::vector<Constant> constants;

  Poisson(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) constants[k] = {c.log_theta[k], c.location[k], finite_log(c.location[k])};
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals*) const {
    const Constant& c = constants[k];
    return c.height + seen.a * c.log_rate - seen.b * c.rate;
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>& seen, int, typename Pack<W>::reals r, const typename Pack<W>::reals*,
                          typename Pack<W>::reals* sums) const {
    sums[0] += r;
    sums[1] += r * seen.a;
    sums[2] += r * seen.b;
  }

  void finish(int k, const double* sums, double& location, double&, double&) const {
    location = sums[1] / constants[k].rate - sums[2];
  }
};

/** Successes and failures. */
struct OfTrials {
  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, [&o](long i) { return double(o.whole[i]); });
    seen.b = gathered<W>(seen, [&o](long i) { return double(o.trials[i] - o.whole[i]); });
    seen.base = gathered<W>(seen, [&o](long i) { return choices(o, i); });
  }
};

struct Binomial : OfTrials {
  static constexpr int AUX = 0, SUMS = 3;
  struct Constant {
    double height, p, log_p, log_q;
  };
  std::vector<Constant> constants;

  Binomial(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) {
      const double p = c.location[k];
      constants[k] = {c.log_theta[k], p, finite_log(p), std::max(std::log1p(-p), -LARGEST)};
    }
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals*) const {
    const Constant& c = constants[k];
    return c.height + seen.a * c.log_p + seen.b * c.log_q;
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>& seen, int, typename Pack<W>::reals r, const typename Pack<W>::reals*,
                          typename Pack<W>::reals* sums) const {
    sums[0] += r;
    sums[1] += r * seen.a;
    sums[2] += r * seen.b;
  }

  void finish(int k, const double* sums, double& location, double&, double&) const {
    location = sums[1] / constants[k].p - sums[2] / (1 - constants[k].p);
  }
};

/** log(a (a + 1) ... (a + n - 1) / a^n) and its derivative by a, for every n that occurs. */
class Rising {
 public:
  Rising(double a, int largest, long observations) : a_(a) {
    if (largest > 8 * observations + 64) return;  // few observations and large counts: one by one
    values_.resize(largest + 1);
    slopes_.resize(largest + 1);
    for (int j = 0; j < largest; ++j) {  // the factor (a + j) / a
      values_[j + 1] = values_[j] + std::log1p(j / a);
      slopes_[j + 1] = slopes_[j] - j / (a * (a + j));
    }
  }

  double value(int n) const {
    if (!values_.empty()) return values_[n];
    if (n == 0) return 0;
    if (a_ > 20) {
      return (a_ + n - 0.5) * std::log1p(n / a_) - n + stirling_remainder(a_ + n) - stirling_remainder(a_);
    }
    return std::lgamma(a_ + n) - std::lgamma(a_) - n * std::log(a_);
  }

  double slope(int n) const {
    if (!values_.empty()) return slopes_[n];
    if (n == 0) return 0;
    if (a_ > 20) {
      return std::log1p(n / a_) - (a_ + n - 0.5) * n / (a_ * (a_ + n)) + stirling_slope(a_ + n) - stirling_slope(a_);
    }
    return digamma(a_ + n) - digamma(a_) - n / a_;
  }

 private:
  double a_;
  std::vector<double> values_, slopes_;
};

inline int largest_of(const int* values, long n) { return n == 0 ? 0 : *std::max_element(values, values + n); }

struct NegativeBinomial : OfCounts {
  static constexpr int AUX = 2, SUMS = 5;
  struct Constant {
    double height, mean, log_mean, phi, chain;
  };
  std::vector<Constant> constants;
  std::vector<Rising> rising;
  const int* whole;

  NegativeBinomial(const Observations& o, const Components& c) : constants(c.K), whole(o.whole) {
    const int largest = largest_of(o.whole, o.n);
    for (int k = 0; k < c.K; ++k) {
      const double phi = 1 / (c.scale[k] * c.scale[k]);
      constants[k] = {c.log_theta[k], c.location[k], finite_log(c.location[k]), phi, -2 * phi / c.scale[k]};
      if (k > 0 && phi == constants[k - 1].phi) {
        rising.push_back(rising.back());
      } else {
        rising.emplace_back(phi, largest, o.n);
      }
    }
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals* aux) const {
    const Constant& c = constants[k];
    const Rising& table = rising[k];
    aux[0] = seen.b * (c.mean / c.phi);  // the expected count over phi
    aux[1] = Pack<W>::log1p(aux[0]);
    return c.height + gathered<W>(seen, [&](long i) { return table.value(whole[i]); }) + seen.a * c.log_mean
           - (seen.a + c.phi) * aux[1];
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>& seen, int k, typename Pack<W>::reals r, const typename Pack<W>::reals* aux,
                          typename Pack<W>::reals* sums) const {
    const Rising& table = rising[k];
    const typename Pack<W>::reals fall = r * (seen.a + constants[k].phi) / (1 + aux[0]);
    sums[0] += r;
    sums[1] += r * seen.a;
    sums[2] += fall * seen.b;
    sums[3] += fall * aux[0];
    sums[4] += r * (gathered<W>(seen, [&](long i) { return table.slope(whole[i]); }) - aux[1]);
  }

  void finish(int k, const double* sums, double& location, double& scale, double&) const {
    const Constant& c = constants[k];
    location = sums[1] / c.mean - sums[2] / c.phi;
    scale = c.chain * (sums[4] + sums[3] / c.phi);
  }
};

struct BetaBinomial : OfTrials {
  static constexpr int AUX = 0, SUMS = 6;
  struct Constant {
    double height, p, log_p, log_q, kappa, chain;
  };
  std::vector<Constant> constants;
  std::vector<Rising> successes, failures, both;
  const int *whole, *trials;

  BetaBinomial(const Observations& o, const Components& c) : constants(c.K), whole(o.whole), trials(o.trials) {
    const int most = largest_of(o.trials, o.n);
    for (int k = 0; k < c.K; ++k) {
      const double p = c.location[k], kappa = 1 / (c.scale[k] * c.scale[k]);
      constants[k] = {c.log_theta[k], p,     finite_log(p), std::max(std::log1p(-p), -LARGEST),
                      kappa,          -2 * kappa / c.scale[k]};
      successes.emplace_back(p * kappa, most, o.n);
      failures.emplace_back((1 - p) * kappa, most, o.n);
      both.emplace_back(kappa, most, o.n);
    }
  }

  template <int W>
  STANMIX_INLINE typename Pack<W>::reals term(const Seen<W>& seen, int k, typename Pack<W>::reals*) const {
    const Constant& c = constants[k];
    return c.height + seen.a * c.log_p + seen.b * c.log_q + gathered<W>(seen, [&](long i) {
             return successes[k].value(whole[i]) + failures[k].value(trials[i] - whole[i]) - both[k].value(trials[i]);
           });
  }

  template <int W>
  STANMIX_INLINE void add(const Seen<W>& seen, int k, typename Pack<W>::reals r, const typename Pack<W>::reals*,
                          typename Pack<W>::reals* sums) const {
    sums[0] += r;
    sums[1] += r * seen.a;
    sums[2] += r * seen.b;
    sums[3] += r * gathered<W>(seen, [&](long i) { return successes[k].slope(whole[i]); });
    sums[4] += r * gathered<W>(seen, [&](long i) { return failures[k].slope(trials[i] - whole[i]); });
    sums[5] += r * gathered<W>(seen, [&](long i) { return both[k].slope(trials[i]); });
  }

  void finish(int k, const double* sums, double& location, double& scale, double&) const {
    const Constant& c = constants[k];
    location = sums[1] / c.p - sums[2] / (1 - c.p) + c.kappa * (sums[3] - sums[4]);
    scale = c.chain * (c.p * sums[3] + (1 - c.p) * sums[4] - sums[5]);
  }
};

}  // namespace stanmix

#endif
