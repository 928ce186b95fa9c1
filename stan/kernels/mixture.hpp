// The log likelihood of a mixture and its gradient in one pass over the observations, several at a time in the lanes of
// the processor's vector registers. Plain C++ without Stan: what it computes is written, readably, in
// functions/mixture.stanfunctions, and tests hold the two equal.
//
// For one observation y with weight w, log f = log sum_k exp(e_k) with e_k = log theta_k + log f_k(y). The derivative by
// anything of component k is w r_k times the derivative of e_k, where r_k = exp(e_k - log f) is the probability that y
// comes from k. Components of a family differ in a few sums over observations only, from which the derivatives by
// weight, location, scale and shape follow once at the end.
#ifndef STANMIX_MIXTURE_HPP
#define STANMIX_MIXTURE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#define STANMIX_INLINE inline __attribute__((always_inline))
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"  // no pack is passed between functions that are not inlined
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif

namespace stanmix {

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr double LARGEST = std::numeric_limits<double>::max();
constexpr double LOG_SQRT_TWO_PI = 0.91893853320467274178;

// ---- numbers in the lanes of a vector register

template <int W>
struct lanes_of;
template <>
struct lanes_of<8> {
  typedef double reals __attribute__((vector_size(64)));
  typedef long long whole __attribute__((vector_size(64)));
};
template <>
struct lanes_of<4> {
  typedef double reals __attribute__((vector_size(32)));
  typedef long long whole __attribute__((vector_size(32)));
};
template <>
struct lanes_of<2> {
  typedef double reals __attribute__((vector_size(16)));
  typedef long long whole __attribute__((vector_size(16)));
};

/** Functions of W numbers at once. */
template <int W>
struct Pack {
  using reals = typename lanes_of<W>::reals;
  using whole = typename lanes_of<W>::whole;

  static STANMIX_INLINE reals all(double x) { return x - reals{}; }

  static STANMIX_INLINE reals load(const double* from) {
    reals x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }

  static STANMIX_INLINE void store(double* to, reals x) { std::memcpy(to, &x, sizeof x); }

  static STANMIX_INLINE reals of_bits(whole x) { return (reals)x; }

  template <typename M>
  static STANMIX_INLINE reals chosen(M where, reals yes, reals no) {
    return (reals)(((whole)where & (whole)yes) | (~(whole)where & (whole)no));
  }

  static STANMIX_INLINE reals larger(reals a, reals b) { return chosen(a > b, a, b); }

  static STANMIX_INLINE double sum(reals x) {
    double total = x[0];
    for (int i = 1; i < W; ++i) total += x[i];
    return total;
  }

  /** exp of numbers up to 700: x = n log 2 + r with |r| <= log(2) / 2, the Taylor series in r, the exponent by bits. */
  static STANMIX_INLINE reals exp(reals x) {
    const double shift = 6755399441055744.0;  // 1.5 2^52: adding it rounds to a whole number, in the lowest bits
    const reals bounded = larger(x, all(-708));
    const reals shifted = bounded * 1.4426950408889634074 + shift;
    const reals n = shifted - shift;
    reals r = bounded - n * 6.93147180369123816490e-01;
    r = r - n * 1.90821492927058770002e-10;
    const reals r2 = r * r;
    // the series to the 12th power, split into even and odd powers so that the two chains run side by side
    reals even = all(1.0 / 479001600) * r2 + 1.0 / 3628800;
    reals odd = all(1.0 / 39916800) * r2 + 1.0 / 362880;
    even = even * r2 + 1.0 / 40320;
    odd = odd * r2 + 1.0 / 5040;
    even = even * r2 + 1.0 / 720;
    odd = odd * r2 + 1.0 / 120;
    even = even * r2 + 1.0 / 24;
    odd = odd * r2 + 1.0 / 6;
    even = even * r2 + 0.5;
    const reals series = 1 + (r + r2 * (odd * r + even));
    const reals value = of_bits((whole)series + ((whole)shifted << 52));
    return chosen(x < -708.0, reals{}, value);
  }

  /** log of positive normal numbers, -infinity of others: x = 2^n m with m around 1, the series of 2 atanh((m-1)/(m+1)).
   */
  static STANMIX_INLINE reals log(reals x) {
    const double magic = 6755399441055744.0;
    const whole origin = whole{} + 0x3fe6a09e667f3bcdLL;  // the bits of the square root of 1/2
    const whole offset = (whole)x - origin;
    // arithmetic shift by 52 of signed numbers, which not every processor has: shift a positive number, subtract again
    const whole exponent = (whole)(((typename unsigned_of<whole>::type)(offset + (1LL << 62))) >> 52) - (1LL << 10);
    const reals n = of_bits(exponent + (whole)all(magic)) - magic;
    const reals m = of_bits((whole)x - (exponent << 52));
    const reals f = (m - 1) / (m + 1);
    const reals s = f * f;
    reals p = all(1.0 / 21);
    p = p * s + 1.0 / 19;
    p = p * s + 1.0 / 17;
    p = p * s + 1.0 / 15;
    p = p * s + 1.0 / 13;
    p = p * s + 1.0 / 11;
    p = p * s + 1.0 / 9;
    p = p * s + 1.0 / 7;
    p = p * s + 0.2;
    p = p * s + 1.0 / 3;
    const reals value = n * 6.93147180369123816490e-01 + (2 * f + (2 * f * s * p + n * 1.90821492927058770002e-10));
    return chosen(x > 0.0, value, all(-INFINITE));
  }

  /** log(1 + x) of numbers x >= 0, exact for small ones. */
  static STANMIX_INLINE reals log1p(reals x) {
    const reals sum = 1 + x;
    return log(sum) + (x - (sum - 1)) / sum;
  }

 private:
  template <typename T>
  struct unsigned_of {
    typedef unsigned long long type __attribute__((vector_size(sizeof(T))));
  };
};

// ---- functions of one number

/** What Stirling's formula leaves of log gamma, for x > 20, as in functions/components.stanfunctions. */
inline double stirling_remainder(double x) {
  const double q = 1 / (x * x);
  return (1.0 / 12 - q * (1.0 / 360 - q * (1.0 / 1260 - q / 1680))) / x;
}

/** The derivative of stirling_remainder. */
inline double stirling_slope(double x) {
  const double q = 1 / (x * x);
  return -q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q / 240)));
}

/** Digamma function of a positive number: the asymptotic series, after steps up to where it is exact. */
inline double digamma(double x) {
  double steps = 0;
  for (; x < 20; ++x) steps -= 1 / x;
  return steps + std::log(x) - 0.5 / x + stirling_slope(x);
}

/** log(n!) of whole numbers, the first thousands from a table. */
inline double log_factorial(int n) {
  static const std::vector<double> table = [] {
    std::vector<double> values(4096);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::lgamma(i + 1.0);
    return values;
  }();
  if (n < static_cast<int>(table.size())) return table[n];
  return (n + 0.5) * std::log(n + 1.0) - (n + 1.0) + LOG_SQRT_TWO_PI + stirling_remainder(n + 1.0);
}

/** The normal distribution function as its log, and the density over it (the inverse Mills ratio). */
struct NormalTail {
  double log_cdf, ratio;
  double series;  // far in the tail: the function is density / |x| times this

  explicit NormalTail(double x) : series(1) {
    if (x > -35) {
      const double cdf = 0.5 * std::erfc(-x * M_SQRT1_2);
      log_cdf = std::log(cdf);
      ratio = std::exp(-0.5 * x * x - LOG_SQRT_TWO_PI) / cdf;
    } else {
      const double q = 1 / (x * x);
      series = 1 - q * (1 - q * (3 - q * (15 - q * (105 - 945 * q))));
      log_cdf = -0.5 * x * x - LOG_SQRT_TWO_PI - std::log(-x) + std::log(series);
      ratio = -x / series;
    }
  }
};

/** A standard normal variable between lower and lower + width: log probability, and moments given that it is there. */
struct NormalInterval {
  double log_probability, mean, square;  // of the square, what it differs from 1

  NormalInterval(double lower, double width) {
    if (width * (1 + std::fabs(lower)) < 0.01) {
      between_near_ends(lower, width);
    } else if (lower + 0.5 * width > 0) {  // the mirror image, whose upper end is the one nearer to 0
      between(-lower - width, -lower, width);
      mean = -mean;
    } else {
      between(lower, lower + width, width);
    }
  }

 private:
  void between_near_ends(double lower, double width) {
    // three points of Gauss and Legendre are exact to the last digit
    const double points[3] = {0.5 - 0.5 * std::sqrt(0.6), 0.5, 0.5 + 0.5 * std::sqrt(0.6)};
    const double weights[3] = {5.0 / 18, 8.0 / 18, 5.0 / 18};
    double total = 0, first = 0, second = 0;
    for (int i = 0; i < 3; ++i) {
      const double x = lower + width * points[i];
      const double w = weights[i] * std::exp(-width * points[i] * (lower + 0.5 * width * points[i]));
      total += w;
      first += w * x;
      second += w * x * x;
    }
    log_probability = std::log(width * total) - 0.5 * lower * lower - LOG_SQRT_TWO_PI;
    mean = first / total;
    square = second / total - 1;
  }

  void between(double lower, double upper, double width) {
    const NormalTail at_upper(upper);
    if (lower == -INFINITE) {
      log_probability = at_upper.log_cdf;
      mean = -at_upper.ratio;
      square = -upper * at_upper.ratio;
      return;
    }
    // density at lower over density at upper; from the width, because in the tail the exponents are large
    const double fall = std::exp(0.5 * width * (upper + lower));
    double outside;  // the function at lower over the function at upper
    if (upper <= -35) {
      outside = fall * (upper / lower) * (NormalTail(lower).series / at_upper.series);
    } else {
      outside = std::exp(NormalTail(lower).log_cdf - at_upper.log_cdf);
    }
    const double ratio = at_upper.ratio / (1 - outside);  // density at upper over the probability of the interval
    log_probability = at_upper.log_cdf + std::log1p(-outside);
    mean = -ratio * (1 - fall);
    square = -ratio * (upper - fall * lower);
  }
};

// ---- what is given

/** The distinct observations; pointers that a family does not need may be null. */
struct Observations {
  long n;
  const double* y;         // continuous values
  const int* whole;        // counts
  const int* trials;       // behind each count
  const double* exposure;  // behind each count
  const double* count;     // how many observations are alike
  const int* known;        // the component where it is known, from 1; 0 elsewhere
  double half_step;        // half the rounding step
};

/** K values each. */
struct Components {
  int K;
  const double *log_theta, *location, *scale, *shape;
  double zero;  // the weight of extra zeros; negative for none
};

/** The log likelihood and its derivatives. */
struct Result {
  double value;
  std::vector<double> log_theta, location, scale, shape;
  double zero;
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

// ---- the families: each has
//   AUX, SUMS           how many packs it carries from term() to add(), and how many sums it needs
//   constants           K rows of numbers, set once
//   see<W>()            loads a pack of observations
//   term<W>()           log f_k without the base and log theta_k
//   add<W>()            adds w r times what the sums are of; sums[0] is that of w r itself
//   finish()            derivatives by location, scale and shape from the sums

struct Normal {
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
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, o.y);
    seen.base = typename Pack<W>::reals{};
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

struct StudentT {
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
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, o.y);
    seen.base = typename Pack<W>::reals{};
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

struct SkewNormal {
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
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, o.y);
    seen.base = typename Pack<W>::reals{};
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

struct Poisson {
  static constexpr int AUX = 0, SUMS = 3;
  struct Constant {
    double height, rate, log_rate;
  };
  std::vector<Constant> constants;

  Poisson(const Observations&, const Components& c) : constants(c.K) {
    for (int k = 0; k < c.K; ++k) constants[k] = {c.log_theta[k], c.location[k], finite_log(c.location[k])};
  }

  template <int W>
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, [&o](long i) { return double(o.whole[i]); });
    seen.b = gathered<W>(seen, o.exposure);
    seen.base = gathered<W>(seen, [&o](long i) { return count_base(o, i); });
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

struct Binomial {
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
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, [&o](long i) { return double(o.whole[i]); });
    seen.b = gathered<W>(seen, [&o](long i) { return double(o.trials[i] - o.whole[i]); });
    seen.base = gathered<W>(seen, [&o](long i) { return choices(o, i); });
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

struct NegativeBinomial {
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
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, [&o](long i) { return double(o.whole[i]); });
    seen.b = gathered<W>(seen, o.exposure);
    seen.base = gathered<W>(seen, [&o](long i) { return count_base(o, i); });
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

struct BetaBinomial {
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
  STANMIX_INLINE void see(const Observations& o, Seen<W>& seen) const {
    seen.a = gathered<W>(seen, [&o](long i) { return double(o.whole[i]); });
    seen.b = gathered<W>(seen, [&o](long i) { return double(o.trials[i] - o.whole[i]); });
    seen.base = gathered<W>(seen, [&o](long i) { return choices(o, i); });
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

// ---- the pass over the observations

constexpr long CHUNK = 8192;  // observations whose sums are added up together, whatever the number of threads

/** The sums over one chunk: value, derivative by the weight of extra zeros, then SUMS for each component. */
template <typename F, int W>
STANMIX_INLINE void pass(const F& family, const Observations& o, const Components& c, long from, long to, double* out,
                         double* scratch) {
  using P = Pack<W>;
  using reals = typename P::reals;
  const int K = c.K;
  // an aligned place for the terms, what the family carries, and the sums
  auto place = reinterpret_cast<reals*>((reinterpret_cast<std::uintptr_t>(scratch) + 63) & ~std::uintptr_t(63));
  reals *terms = place, *aux = place + K, *sums = aux + K * F::AUX;
  for (int i = 0; i < K * F::SUMS; ++i) sums[i] = reals{};
  reals total = reals{};
  double by_zero = 0;
  Seen<W> seen;
  for (long first = from; first < to; first += W) {
    seen.first = first;
    seen.n = static_cast<int>(std::min<long>(W, to - first));
    family.template see<W>(o, seen);
    reals weight = gathered<W>(seen, o.count);
    if (seen.n < W) {
      for (int i = seen.n; i < W; ++i) weight[i] = 0;
    }
    int any_known = 0;
    for (int i = 0; i < seen.n; ++i) any_known |= o.known[first + i];
    reals highest = P::all(-INFINITE);
    for (int k = 0; k < K; ++k) {
      reals term = family.template term<W>(seen, k, aux + k * F::AUX);
      if (any_known) {
        for (int i = 0; i < seen.n; ++i) {
          const int known = o.known[first + i];
          if (known > 0 && known != k + 1) term[i] = -INFINITE;
        }
      }
      terms[k] = term;
      highest = P::larger(term, highest);
    }
    highest = P::larger(highest, P::all(-LARGEST));  // where all terms vanish, the differences are -infinity still
    reals sum = reals{};
    for (int k = 0; k < K; ++k) {
      terms[k] = P::exp(terms[k] - highest);
      sum += terms[k];
    }
    reals value = highest + P::log(sum);
    reals share = weight / sum;
    if (c.zero >= 0) {
      const double log_rest = std::log1p(-c.zero), log_zero = std::log(c.zero);
      for (int i = 0; i < seen.n; ++i) {
        const double inner = value[i] + seen.base[i];
        if (o.whole[first + i] == 0 && o.known[first + i] == 0) {
          const double rest = inner + log_rest, top = std::max(rest, log_zero);
          const double both = top + std::log(std::exp(rest - top) + std::exp(log_zero - top));
          by_zero += weight[i] * (std::exp(-both) - std::exp(inner - both));
          share[i] *= std::exp(rest - both);
          value[i] = both - seen.base[i];
        } else {
          by_zero -= weight[i] / (1 - c.zero);
          value[i] += log_rest;
        }
      }
    }
    total += P::chosen(weight > 0.0, weight * (value + seen.base), reals{});
    for (int k = 0; k < K; ++k) {
      family.template add<W>(seen, k, terms[k] * share, aux + k * F::AUX, sums + k * F::SUMS);
    }
  }
  out[0] = P::sum(total);
  out[1] = by_zero;
  for (int i = 0; i < K * F::SUMS; ++i) out[2 + i] = P::sum(sums[i]);
}

using Work = void (*)(const void*, const Observations&, const Components&, long, long, double*, double*);

template <typename F>
void pass_narrow(const void* f, const Observations& o, const Components& c, long from, long to, double* out,
                 double* scratch) {
  pass<F, 2>(*static_cast<const F*>(f), o, c, from, to, out, scratch);
}

#if defined(__x86_64__)
template <typename F>
__attribute__((target("avx2,fma"))) void pass_avx2(const void* f, const Observations& o, const Components& c,
                                                   long from, long to, double* out, double* scratch) {
  pass<F, 4>(*static_cast<const F*>(f), o, c, from, to, out, scratch);
}

template <typename F>
__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))) void pass_avx512(const void* f, const Observations& o,
                                                                               const Components& c, long from,
                                                                               long to, double* out,
                                                                               double* scratch) {
  pass<F, 8>(*static_cast<const F*>(f), o, c, from, to, out, scratch);
}
#endif

/** A number from the environment, for what changes no result: STANMIX_THREADS and STANMIX_LANES (2, 4 or 8 at most). */
inline int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::max(1, std::atoi(text));
}

/** The widest registers that this processor has: chosen when the program runs, so that one executable serves all. */
template <typename F>
Work widest() {
#if defined(__x86_64__)
  const int lanes = setting("STANMIX_LANES", 8);
  if (lanes >= 8 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
      && __builtin_cpu_supports("avx512vl")) {
    return pass_avx512<F>;
  }
  if (lanes >= 4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return pass_avx2<F>;
#endif
  return pass_narrow<F>;
}

/** Log likelihood and gradient under one family. Sums of chunks are added in order: threads change no digit. */
template <typename F>
Result evaluate(const Observations& o, const Components& c) {
  static const Work work = widest<F>();
  static const int threads = setting("STANMIX_THREADS", 1);
  const F family(o, c);
  const long chunks = std::max<long>((o.n + CHUNK - 1) / CHUNK, 1);
  const int each = 2 + c.K * F::SUMS;
  std::vector<double> sums(chunks * each);
  const auto some = [&](long first, long step) {
    std::vector<double> scratch(8 * c.K * (1 + F::AUX + F::SUMS) + 8);
    for (long i = first; i < chunks; i += step) {
      work(&family, o, c, i * CHUNK, std::min(o.n, (i + 1) * CHUNK), &sums[i * each], scratch.data());
    }
  };
  const long crew = std::min<long>(threads, (chunks + 2) / 3);  // a thread for less than three chunks does not pay
  std::vector<std::thread> helpers;
  for (long i = 1; i < crew; ++i) helpers.emplace_back(some, i, crew);
  some(0, crew);
  for (auto& helper : helpers) helper.join();
  for (long i = 1; i < chunks; ++i) {
    for (int j = 0; j < each; ++j) sums[j] += sums[i * each + j];
  }
  Result result{sums[0], std::vector<double>(c.K), std::vector<double>(c.K), std::vector<double>(c.K),
                std::vector<double>(c.K), sums[1]};
  for (int k = 0; k < c.K; ++k) {
    const double* of_k = &sums[2 + k * F::SUMS];
    result.log_theta[k] = of_k[0];
    family.finish(k, of_k, result.location[k], result.scale[k], result.shape[k]);
  }
  return result;
}

}  // namespace stanmix

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
