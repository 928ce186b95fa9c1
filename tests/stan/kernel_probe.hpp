// For tests/stan/test_kernel.py: values and gradients of the kernels and of the specification side by side.
#include "production.hpp"  // kernels/univariate.hpp under another name

namespace univariate_model_namespace {

// The specification is defined in what stanc writes, after this, and declared by each release in a form of its own. It
// is found when `slopes` is made for a call, because an argument that waits for it is of this namespace; till then the
// names must be those of any templates.
template <typename>
struct Stream : std::ostream {};
template <bool>
void mixture_lpdf();
template <bool>
void count_mixture_lpmf();

// the value, then the derivatives by log_theta, location, scale, shape and zero
template <typename T2__, typename T3__, typename T6__, typename T9__, typename T10__, typename T11__, typename T12__,
          typename T13__, typename T14__>
Eigen::Matrix<stan::promote_args_t<stan::value_type_t<T2__>, stan::value_type_t<T3__>, T6__, stan::value_type_t<T9__>,
                                   stan::value_type_t<T10__>,
                                   stan::promote_args_t<stan::value_type_t<T11__>, stan::value_type_t<T12__>,
                                                        stan::value_type_t<T13__>, stan::value_type_t<T14__>>>,
              -1, 1>
slopes(const int& kernel, const int& is_whole, const std::vector<int>& whole, const T2__& y, const T3__& count,
       const std::vector<int>& known, const std::vector<int>& sizes, const T6__& half_step, const int& family,
       const std::vector<int>& trials, const T9__& exposure, const T10__& log_theta, const T11__& zero,
       const T12__& location, const T13__& scale, const T14__& shape, std::ostream* out) {
  using Variables = Eigen::Matrix<stan::math::var, -1, 1>;
  stan::math::nested_rev_autodiff nested;
  Variables lt = log_theta, z = zero, m = location, s = scale, h = shape;
  const Eigen::VectorXd values = y, frequency = count, exposed = exposure;
  Stream<T2__>* here = nullptr;
  stan::math::var value;
  if (is_whole) {
    value = kernel
                ? count_kernel(whole, frequency, known, sizes, family, trials, exposed, lt, z, m, s, out)
                : count_mixture_lpmf<false>(whole, frequency, known, sizes, family, trials, exposed, lt, z, m, s, here);
  } else {
    value = kernel ? continuous_kernel(values, frequency, known, sizes, half_step, family, lt, m, s, h, out)
                   : mixture_lpdf<false>(values, frequency, known, sizes, half_step, family, lt, m, s, h, here);
  }
  value.grad();
  Eigen::VectorXd result(1 + lt.size() + m.size() + s.size() + h.size() + z.size());
  result << value.val(), lt.adj(), m.adj(), s.adj(), h.adj(), z.adj();
  return result;
}

}  // namespace univariate_model_namespace
