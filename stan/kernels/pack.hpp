// Several numbers at once, in the lanes of a vector register: the compiler knows arithmetic, exp and log are here.
#ifndef STANMIX_PACK_HPP
#define STANMIX_PACK_HPP

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace stanmix {

#define STANMIX_INLINE inline __attribute__((always_inline))

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr double LARGEST = std::numeric_limits<double>::max();

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

  static STANMIX_INLINE reals larger(reals a, reals b) { return larger_of(a, b); }

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

  /** log of positive normal numbers, -infinity of others: x = 2^n m, m around 1, the series of 2 atanh((m-1)/(m+1)).
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
  static STANMIX_INLINE T larger_of(T a, T b) {
    return chosen(a > b, a, b);
  }

#if defined(__SSE2__)
  // The same in one instruction, which the compiler does not find by itself.
  static STANMIX_INLINE lanes_of<2>::reals larger_of(lanes_of<2>::reals a, lanes_of<2>::reals b) {
    return (lanes_of<2>::reals)_mm_max_pd((__m128d)a, (__m128d)b);
  }
#endif

  template <typename T>
  struct unsigned_of {
    typedef unsigned long long type __attribute__((vector_size(sizeof(T))));
  };
};

}  // namespace stanmix

#endif
