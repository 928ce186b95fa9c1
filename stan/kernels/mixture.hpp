// The log likelihood of a mixture and its gradient in one pass over the observations, several at a time in the lanes of
// the processor's vector registers. Plain C++ without Stan: what it computes is written, readably, in
// functions/mixture.stanfunctions, and tests hold the two equal.
//
// For one observation y with weight w, log f = log sum_k exp(e_k) with e_k = log theta_k + log f_k(y). The derivative
// by anything of component k is w r_k times the derivative of e_k, where r_k = exp(e_k - log f) is the probability that
// y comes from k. Components of a family differ in a few sums over observations only, from which the derivatives by
// weight, location, scale and shape follow once at the end.
#ifndef STANMIX_MIXTURE_HPP
#define STANMIX_MIXTURE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"  // no pack is passed between functions that are not inlined
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif

#include "families.hpp"
#include "pack.hpp"

namespace stanmix {

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
  thread_local std::vector<double> place;  // with few observations getting memory would take longer than the pass
  place.resize(chunks * each);
  double* const sums = place.data();
  const auto some = [&](long first, long step) {
    thread_local std::vector<double> scratch;
    scratch.resize(8 * c.K * (1 + F::AUX + F::SUMS) + 8);
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
  Result result{sums[0], sums[1], c.K, std::vector<double>(4 * c.K)};
  for (int k = 0; k < c.K; ++k) {
    const double* of_k = &sums[2 + k * F::SUMS];
    result.log_theta()[k] = of_k[0];
    family.finish(k, of_k, result.location()[k], result.scale()[k], result.shape()[k]);
  }
  return result;
}

}  // namespace stanmix

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
