// What kernels/marginal.stanfunctions declares, defined. CmdStan's makefile includes this file before the program
// that stanc writes (USER_HEADER). The templates have the form in which stanc up to 2.28 declares such functions; from
// 2.32 on it declares nothing and takes any form.
#include "bridge.hpp"

#include <ostream>
#include <vector>

namespace multivariate_model_namespace {

template <typename T0__, typename T1__>
stan::promote_args_t<stan::value_type_t<T0__>, stan::value_type_t<T1__>> marginal(const T0__& terms, const T1__& count,
                                                                                  const std::vector<int>& known,
                                                                                  std::ostream*) {
  return stanmix::marginal_of<stan::value_type_t<T0__>>(terms, count, known);
}

}  // namespace multivariate_model_namespace
