// Functions of one number that the families need: what is left of gamma functions and of the normal distribution.
#ifndef STANMIX_NUMBERS_HPP
#define STANMIX_NUMBERS_HPP

#include <cmath>
#include <limits>
#include <vector>

#include "pack.hpp"

namespace stanmix {

constexpr double LOG_SQRT_TWO_PI = 0.91893853320467274178;

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

}  // namespace stanmix

#endif
