// The log likelihood of a mixture and its gradient in one pass over the observations, several at a time in the lanes of
// the processor's vector registers. Plain C++ without Stan: what it computes is written, readably, in
// functions/mixture.stanfunctions, and tests hold the two equal.
//
// For one observation y with weight w, log f = log sum_k exp(e_k) with e_k = log theta_k + log f_k(y). The derivative
// by anything of component k is w r_k times the derivative of e_k, where r_k = exp(e_k - log f) is the probability that
// y comes from k. Components of a family differ in a few sums over observations only, from which the derivatives by
// weight, location, scale and shape follow once at the end. Where all rows of a group come from one component, e_k is
// log theta_k plus the sum of log f_k over its rows, and r_k is the same for all of them.
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

constexpr long CHUNK = 8192;  // rows whose sums are added up together, whatever the number of threads
constexpr long BLOCK = 256;   // rows of groups that are looked at together: what is kept of them stays in cache

/** Set terms to -infinity in the lanes of units that are known to come from another component than k (from 0). */
template <typename reals>
STANMIX_INLINE void leave_known(reals& term, const int* known, int lanes, int k) {
  for (int i = 0; i < lanes; ++i) {
    if (known[i] > 0 && known[i] != k + 1) term[i] = -INFINITE;
  }
}

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
      if (any_known) leave_known(term, o.known + first, seen.n, k);
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

/** Room for what `pass_groups` keeps of a block, in doubles, each part at a multiple of 64 bytes. */
class Room {
 public:
  explicit Room(double* place)
      : next_(reinterpret_cast<double*>((reinterpret_cast<std::uintptr_t>(place) + 63) & ~std::uintptr_t(63))) {}

  double* take(long doubles) {
    double* const place = next_;
    next_ += (doubles + 7) / 8 * 8;
    return place;
  }

 private:
  double* next_;
};

/** How many doubles `pass_groups` needs, whatever W: the largest block has fewer than `rows` rows. */
template <typename F>
long room_for(long rows, int K) {
  const long wide = rows + 8;  // the last pack of rows, or of groups, may be filled up
  return wide * (6 + 2 * K + 2 + K * F::AUX) + 8 * K * (F::SUMS + 2) + 8 * (8 + 1);
}

/**
 * The same sums over one chunk of groups whose rows have one membership, and after them for each component the sum of
 * the memberships of the groups. A block of rows is seen, its terms are added up by group, the groups get their
 * memberships several at a time, and these go back to the rows. The terms of `family` are without log theta.
 */
template <typename F, int W>
STANMIX_INLINE void pass_groups(const F& family, const Observations& o, const Components& c, long from, long to,
                                double* out, double* scratch) {
  using P = Pack<W>;
  using reals = typename P::reals;
  const int K = c.K;
  long most = 0;  // rows of the largest block
  for (long first = from, last; first < to; first = last) {
    for (last = first + 1; last < to && o.begins[last] - o.begins[first] < BLOCK; ++last) continue;
    most = std::max(most, o.begins[last] - o.begins[first]);
  }
  const long wide = (most + W - 1) / W * W;
  Room room(scratch);
  auto* const seen = reinterpret_cast<Seen<W>*>(room.take((wide / W) * (sizeof(Seen<W>) / sizeof(double))));
  auto* const aux = reinterpret_cast<reals*>(room.take(wide * K * F::AUX));
  auto* const sums = reinterpret_cast<reals*>(room.take(W * K * F::SUMS));
  auto* const owned = reinterpret_cast<reals*>(room.take(W * K));
  double* const of_rows = room.take(wide * K);    // terms, then memberships
  double* const of_groups = room.take(wide * K);  // the same
  double *const bases = room.take(wide), *const weights = room.take(wide);
  for (int i = 0; i < K * F::SUMS; ++i) sums[i] = reals{};
  for (int k = 0; k < K; ++k) owned[k] = reals{};
  double total = 0;
  for (long first = from, last; first < to; first = last) {
    for (last = first + 1; last < to && o.begins[last] - o.begins[first] < BLOCK; ++last) continue;
    const long row = o.begins[first], rows = o.begins[last] - row, groups = last - first;
    for (long at = 0; at < rows; at += W) {
      Seen<W>& here = seen[at / W];
      here.first = row + at;
      here.n = static_cast<int>(std::min<long>(W, rows - at));
      family.template see<W>(o, here);
      P::store(bases + at, here.base);
      for (int k = 0; k < K; ++k) {
        P::store(of_rows + k * wide + at, family.template term<W>(here, k, aux + (at / W * K + k) * F::AUX));
      }
    }
    for (long g = 0; g < groups; ++g) {
      const long begin = o.begins[first + g] - row, end = o.begins[first + g + 1] - row;
      double base = 0;
      for (long i = begin; i < end; ++i) base += bases[i];
      weights[g] = o.count[first + g];
      if (weights[g] > 0) total += weights[g] * base;
      for (int k = 0; k < K; ++k) {
        double sum = c.log_theta[k];
        for (long i = begin; i < end; ++i) sum += of_rows[k * wide + i];
        of_groups[k * wide + g] = sum;
      }
    }
    for (long g = 0; g < groups; g += W) {
      const int lanes = static_cast<int>(std::min<long>(W, groups - g));
      for (int i = lanes; i < W; ++i) weights[g + i] = 0;
      const reals weight = P::load(weights + g);
      reals highest = P::all(-LARGEST);
      for (int k = 0; k < K; ++k) {
        reals term = P::load(of_groups + k * wide + g);
        for (int i = lanes; i < W; ++i) term[i] = 0;
        leave_known(term, o.known + first + g, lanes, k);
        P::store(of_groups + k * wide + g, term);
        highest = P::larger(term, highest);
      }
      reals sum = reals{};
      for (int k = 0; k < K; ++k) {
        const reals term = P::exp(P::load(of_groups + k * wide + g) - highest);
        P::store(of_groups + k * wide + g, term);
        sum += term;
      }
      const reals share = weight / sum;
      total += P::sum(P::chosen(weight > 0.0, weight * (highest + P::log(sum)), reals{}));
      for (int k = 0; k < K; ++k) {
        const reals membership = P::load(of_groups + k * wide + g) * share;
        P::store(of_groups + k * wide + g, membership);
        owned[k] += membership;
      }
    }
    for (int k = 0; k < K; ++k) {
      for (long g = 0; g < groups; ++g) {
        const long end = o.begins[first + g + 1] - row;
        for (long i = o.begins[first + g] - row; i < end; ++i) of_rows[k * wide + i] = of_groups[k * wide + g];
      }
      for (long i = rows; i < (rows + W - 1) / W * W; ++i) of_rows[k * wide + i] = 0;
    }
    for (long at = 0; at < rows; at += W) {
      for (int k = 0; k < K; ++k) {
        family.template add<W>(seen[at / W], k, P::load(of_rows + k * wide + at), aux + (at / W * K + k) * F::AUX,
                               sums + k * F::SUMS);
      }
    }
  }
  out[0] = total;
  out[1] = 0;
  for (int i = 0; i < K * F::SUMS; ++i) out[2 + i] = P::sum(sums[i]);
  for (int k = 0; k < K; ++k) out[2 + K * F::SUMS + k] = P::sum(owned[k]);
}

/** The one or the other. */
template <typename F, int W>
STANMIX_INLINE void pass_units(const void* f, const Observations& o, const Components& c, long from, long to,
                               double* out, double* scratch) {
  const F& family = *static_cast<const F*>(f);
  if (o.begins == nullptr) {
    pass<F, W>(family, o, c, from, to, out, scratch);
  } else {
    pass_groups<F, W>(family, o, c, from, to, out, scratch);
  }
}

using Work = void (*)(const void*, const Observations&, const Components&, long, long, double*, double*);

template <typename F>
void pass_narrow(const void* f, const Observations& o, const Components& c, long from, long to, double* out,
                 double* scratch) {
  pass_units<F, 2>(f, o, c, from, to, out, scratch);
}

#if defined(__x86_64__)
template <typename F>
__attribute__((target("avx2,fma"))) void pass_avx2(const void* f, const Observations& o, const Components& c,
                                                   long from, long to, double* out, double* scratch) {
  pass_units<F, 4>(f, o, c, from, to, out, scratch);
}

template <typename F>
__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))) void pass_avx512(const void* f, const Observations& o,
                                                                               const Components& c, long from,
                                                                               long to, double* out,
                                                                               double* scratch) {
  pass_units<F, 8>(f, o, c, from, to, out, scratch);
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
  const bool grouped = o.begins != nullptr;
  const std::vector<double> none(c.K);  // in place of log theta, which counts once for a group
  Components of_rows = c;
  if (grouped) of_rows.log_theta = none.data();
  const F family(o, of_rows);
  // where chunks begin, in units: groups stay whole
  thread_local std::vector<long> borders;
  borders.assign(1, 0);
  long largest = 0;  // rows of a group
  if (grouped) {
    for (long g = 0; g < o.groups; ++g) {
      largest = std::max(largest, o.begins[g + 1] - o.begins[g]);
      if (g + 1 == o.groups || o.begins[g + 1] - o.begins[borders.back()] >= CHUNK) borders.push_back(g + 1);
    }
  } else {
    for (long n = CHUNK; n < o.n; n += CHUNK) borders.push_back(n);
    borders.push_back(o.n);
  }
  const long chunks = static_cast<long>(borders.size()) - 1;
  const int each = 2 + c.K * F::SUMS + (grouped ? c.K : 0);
  const long needed = grouped ? room_for<F>(BLOCK + largest, c.K) : 8 * c.K * (1 + F::AUX + F::SUMS) + 8;
  thread_local std::vector<double> place;  // with few observations getting memory would take longer than the pass
  place.resize(chunks * each);
  double* const sums = place.data();
  const long* const cuts = borders.data();  // other threads have borders of their own
  const auto some = [&](long first, long step) {
    thread_local std::vector<double> scratch;
    if (static_cast<long>(scratch.size()) < needed) scratch.resize(needed);
    for (long i = first; i < chunks; i += step) {
      work(&family, o, c, cuts[i], cuts[i + 1], &sums[i * each], scratch.data());
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
    result.log_theta()[k] = grouped ? sums[2 + c.K * F::SUMS + k] : of_k[0];
    family.finish(k, of_k, result.location()[k], result.scale()[k], result.shape()[k]);
  }
  return result;
}

}  // namespace stanmix

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
