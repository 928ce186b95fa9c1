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
template <typename T2__, typename T3__, typename T5__, typename T8__, typename T9__, typename T10__, typename T11__,
          typename T12__, typename T13__>
Eigen::Matrix<stan::promote_args_t<stan::value_type_t<T2__>, stan::value_type_t<T3__>, T5__, stan::value_type_t<T8__>,
                                   stan::value_type_t<T9__>,
                                   stan::promote_args_t<stan::value_type_t<T10__>, stan::value_type_t<T11__>,
                                                        stan::value_type_t<T12__>, stan::value_type_t<T13__>>>,
              -1, 1>
slopes(const int& kernel, const std::vector<int>& whole, const T2__& y, const T3__& count,
       const std::vector<int>& known, const T5__& half_step, const int& family, const std::vector<int>& trials,
       const T8__& exposure, const T9__& log_theta, const T10__& zero, const T11__& location, const T12__& scale,
       const T13__& shape, std::ostream* out) {
  using Variables = Eigen::Matrix<stan::math::var, -1, 1>;
  stan::math::nested_rev_autodiff nested;
  Variables lt = log_theta, z = zero, m = location, s = scale, h = shape;
  const Eigen::VectorXd values = y, frequency = count, exposed = exposure;
  Stream<T2__>* here = nullptr;
  stan::math::var value;
  if (family > 5) {
    value = kernel ? count_kernel(whole, frequency, known, family, trials, exposed, lt, z, m, s, out)
                   : count_mixture_lpmf<false>(whole, frequency, known, family, trials, exposed, lt, z, m, s, here);
  } else {
    value = kernel ? continuous_kernel(values, frequency, known, half_step, family, lt, m, s, h, out)
                   : mixture_lpdf<false>(values, frequency, known, half_step, family, lt, m, s, h, here);
  }
  value.grad();
  Eigen::VectorXd result(1 + lt.size() + m.size() + s.size() + h.size() + z.size());
  result << value.val(), lt.adj(), m.adj(), s.adj(), h.adj(), z.adj();
  return result;
}

}  // namespace univariate_model_namespace
