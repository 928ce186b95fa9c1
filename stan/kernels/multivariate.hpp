// What kernels/marginal.stanfunctions declares, defined. CmdStan's makefile includes this file before the program
// that stanc writes (USER_HEADER). The templates have the form in which stanc up to 2.28 declares such functions; from
// 2.32 on it declares nothing and takes any form.
#include "bridge.hpp"

#include <ostream>
#include <vector>

namespace multivariate_model_namespace {

template <typename T0__, typename T1__, typename T2__>
stan::promote_args_t<stan::value_type_t<T0__>, stan::value_type_t<T1__>, stan::value_type_t<T2__>> marginal(
    const T0__& terms, const T1__& log_theta, const T2__& count, const std::vector<int>& known,
    const std::vector<int>& group_size, std::ostream*) {
  using R = stan::promote_args_t<stan::value_type_t<T0__>, stan::value_type_t<T1__>>;
  return stanmix::marginal_of<R>(terms, log_theta, count, known, group_size);
}

}  // namespace multivariate_model_namespace
