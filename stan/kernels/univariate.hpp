// What kernels/likelihood.stanfunctions declares, defined. CmdStan's makefile includes this file before the program
// that stanc writes (USER_HEADER). The templates have the form in which stanc up to 2.28 declares such functions; from
// 2.32 on it declares nothing and takes any form.
#include "bridge.hpp"
#include "mixture.hpp"

#include <ostream>
#include <vector>

namespace stanmix {

/** Evaluate the family with that number, as in functions/components.stanfunctions; intervals if half_step > 0. */
inline Result evaluate(int family, const Observations& o, const Components& c) {
  switch (family) {
    case 1: return o.half_step > 0 ? evaluate<RoundedNormal<false>>(o, c) : evaluate<Normal>(o, c);
    case 2: return evaluate<StudentT>(o, c);
    case 3: return o.half_step > 0 ? evaluate<RoundedNormal<true>>(o, c) : evaluate<Lognormal>(o, c);
    case 4: return evaluate<Gamma>(o, c);
    case 5: return evaluate<SkewNormal>(o, c);
    case 6: return evaluate<Poisson>(o, c);
    case 7: return evaluate<NegativeBinomial>(o, c);
    case 8: return evaluate<Binomial>(o, c);
    case 9: return evaluate<BetaBinomial>(o, c);
    case 10: return evaluate<Weibull>(o, c);
    default:
      throw std::invalid_argument("mixture kernel: there is no family with the number " + std::to_string(family));
  }
}

/** Say of observations which of them belong to a group; `begins` gets where each begins. */
inline void put_into_groups(Observations& o, const std::vector<int>& sizes, std::vector<long>& begins) {
  if (sizes.empty()) return;
  begins.assign(1, 0);
  for (int size : sizes) begins.push_back(begins.back() + size);
  check(begins.back() == o.n, "the number of rows of all groups is");
  o.groups = static_cast<long>(sizes.size());
  o.begins = begins.data();
}

template <typename R, typename Y, typename C, typename L, typename M, typename S, typename H>
R continuous(const Y& y_given, const C& count_given, const std::vector<int>& known, const std::vector<int>& group_size,
             double half_step, int family, const L& log_theta, const M& location, const S& scale, const H& shape) {
  const Values y(y_given), count(count_given);
  const Eigen::VectorXd weights = stan::math::value_of(log_theta), where = stan::math::value_of(location),
                        wide = stan::math::value_of(scale), form = stan::math::value_of(shape);
  check_finite(where, "a location is");
  check_positive(wide, "a scale is");
  if (family == 2) check_positive(form, "a shape is");
  if (family == 4 || family == 10) check_positive(where, "a location is");
  if (family == 5) check_finite(form, "a shape is");
  Observations rows{y.size(), y.data(), nullptr, nullptr, nullptr, count.data(), known.data(), half_step};
  std::vector<long> begins;
  put_into_groups(rows, group_size, begins);
  Result found = evaluate(
      family, rows, {static_cast<int>(weights.size()), weights.data(), where.data(), wide.data(), form.data(), -1});
  Operands operands(4 * weights.size() + 1);
  operands.add(log_theta, found.log_theta());
  operands.add(location, found.location());
  operands.add(scale, found.scale());
  if (family == 2 || family == 5) operands.add(shape, found.shape());
  R result;
  operands.give(found.value, result);
  return result;
}

template <typename R, typename C, typename E, typename L, typename Z, typename M, typename S>
R counts(const std::vector<int>& y, const C& count_given, const std::vector<int>& known,
         const std::vector<int>& group_size, int family, const std::vector<int>& trials, const E& exposure_given,
         const L& log_theta, const Z& zero, const M& location, const S& scale) {
  const Values count(count_given), exposure(exposure_given);
  const Eigen::VectorXd weights = stan::math::value_of(log_theta), where = stan::math::value_of(location),
                        wide = stan::math::value_of(scale), extra = stan::math::value_of(zero);
  const bool has_scale = family == 7 || family == 9;
  check_finite(where, "a location is");
  check((where.array() >= 0).all() && (family < 8 || (where.array() <= 1).all()), "a location is");
  if (has_scale) check_positive(wide, "a dispersion is");
  Observations rows{static_cast<long>(y.size()), nullptr,      y.data(),     trials.data(),
                    exposure.data(),             count.data(), known.data(), 0};
  std::vector<long> begins;
  put_into_groups(rows, group_size, begins);
  Result found = evaluate(family, rows,
                          {static_cast<int>(weights.size()), weights.data(), where.data(), wide.data(), nullptr,
                           extra.size() > 0 ? extra[0] : -1});
  Operands operands(4 * weights.size() + 1);
  operands.add(log_theta, found.log_theta());
  operands.add(location, found.location());
  if (has_scale) operands.add(scale, found.scale());
  operands.add(zero, std::vector<double>{found.zero});
  R result;
  operands.give(found.value, result);
  return result;
}

}  // namespace stanmix

namespace univariate_model_namespace {

template <typename T0__, typename T1__, typename T4__, typename T6__, typename T7__, typename T8__, typename T9__>
stan::promote_args_t<stan::value_type_t<T0__>, stan::value_type_t<T1__>, T4__, stan::value_type_t<T6__>,
                     stan::value_type_t<T7__>,
                     stan::promote_args_t<stan::value_type_t<T8__>, stan::value_type_t<T9__>>>
continuous_kernel(const T0__& y, const T1__& count, const std::vector<int>& known, const std::vector<int>& group_size,
                  const T4__& half_step, const int& family, const T6__& log_theta, const T7__& location,
                  const T8__& scale, const T9__& shape, std::ostream*) {
  using R = stan::promote_args_t<stan::value_type_t<T6__>, stan::value_type_t<T7__>, stan::value_type_t<T8__>,
                                 stan::value_type_t<T9__>>;
  return stanmix::continuous<R>(y, count, known, group_size, half_step, family, stan::math::to_ref(log_theta),
                                stan::math::to_ref(location), stan::math::to_ref(scale), stan::math::to_ref(shape));
}

template <typename T1__, typename T6__, typename T7__, typename T8__, typename T9__, typename T10__>
stan::promote_args_t<stan::value_type_t<T1__>, stan::value_type_t<T6__>, stan::value_type_t<T7__>,
                     stan::value_type_t<T8__>, stan::value_type_t<T9__>,
                     stan::promote_args_t<stan::value_type_t<T10__>>>
count_kernel(const std::vector<int>& y, const T1__& count, const std::vector<int>& known,
             const std::vector<int>& group_size, const int& family, const std::vector<int>& trials,
             const T6__& exposure, const T7__& log_theta, const T8__& zero, const T9__& location,
             const T10__& scale, std::ostream*) {
  using R = stan::promote_args_t<stan::value_type_t<T7__>, stan::value_type_t<T8__>, stan::value_type_t<T9__>,
                                 stan::value_type_t<T10__>>;
  return stanmix::counts<R>(y, count, known, group_size, family, trials, exposure, stan::math::to_ref(log_theta),
                            stan::math::to_ref(zero), stan::math::to_ref(location), stan::math::to_ref(scale));
}

}  // namespace univariate_model_namespace
