// From Stan's variables to the kernels and back, for the headers of both programs.
#ifndef STANMIX_BRIDGE_HPP
#define STANMIX_BRIDGE_HPP

#include <stan/model/model_header.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace stanmix {

using Values = Eigen::Ref<const Eigen::VectorXd>;

/** Refuse parameters as Stan's own densities do, so that a step into nowhere is rejected. */
inline void check(bool is_good, const char* what) {
  if (!is_good) throw std::domain_error(std::string("mixture kernel: ") + what + " out of range");
}

inline void check_finite(const Eigen::VectorXd& x, const char* what) { check(x.array().isFinite().all(), what); }

inline void check_positive(const Eigen::VectorXd& x, const char* what) {
  check_finite(x, what);
  check((x.array() > 0).all(), what);
}

/** The operands of a result: the variables among the arguments, with their derivatives; constants are left out. */
class Operands {
 public:
  explicit Operands(std::size_t most) {
    variables_.reserve(most);
    slopes_.reserve(most);
  }

  template <typename D, typename G, stan::require_t<stan::is_var<typename D::Scalar>>* = nullptr>
  void add(const Eigen::MatrixBase<D>& x, const G& slopes) {
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      variables_.push_back(x.coeff(i % x.rows(), i / x.rows()));
      slopes_.push_back(slopes[i]);
    }
  }

  template <typename D, typename G, stan::require_t<std::is_arithmetic<typename D::Scalar>>* = nullptr>
  void add(const Eigen::MatrixBase<D>&, const G&) {}

  void give(double value, double& result) const { result = value; }
  void give(double value, stan::math::var& result) const {
    result = stan::math::precomputed_gradients(value, variables_, slopes_);
  }

 private:
  std::vector<stan::math::var> variables_;
  std::vector<double> slopes_;
};

/** What functions/marginal.stanfunctions says. */
template <typename R, typename T, typename L, typename C>
R marginal_of(const T& terms_given, const L& log_theta_given, const C& count_given, const std::vector<int>& known,
              const std::vector<int>& group_size) {
  const auto& terms = stan::math::to_ref(terms_given);
  const auto& log_theta = stan::math::to_ref(log_theta_given);
  const Values count(count_given);
  const Eigen::MatrixXd values = stan::math::value_of(terms);
  const Eigen::RowVectorXd weights = stan::math::value_of(log_theta).transpose();
  Eigen::MatrixXd slopes = Eigen::MatrixXd::Zero(values.rows(), values.cols());
  Eigen::RowVectorXd unit(values.cols()), owned = Eigen::RowVectorXd::Zero(values.cols());
  double total = 0;
  Eigen::Index n = 0;
  for (Eigen::Index u = 0; u < count.size(); ++u) {
    const Eigen::Index rows = group_size.empty() ? 1 : group_size[u];
    unit = weights;
    for (Eigen::Index i = 0; i < rows; ++i) unit += values.row(n + i);
    if (known[u] > 0) {
      total += count[u] * unit[known[u] - 1];
      unit.setZero();
      unit[known[u] - 1] = count[u];
    } else {
      const double highest = std::max(unit.maxCoeff(), std::numeric_limits<double>::lowest());
      unit = (unit.array() - highest).exp();
      const double sum = unit.sum();
      total += count[u] * (highest + std::log(sum));
      unit *= count[u] / sum;
    }
    owned += unit;
    for (Eigen::Index i = 0; i < rows; ++i) slopes.row(n + i) = unit;
    n += rows;
  }
  Operands operands(terms.size() + log_theta.size());
  operands.add(terms, slopes.data());
  operands.add(log_theta, owned.data());
  R result;
  operands.give(total, result);
  return result;
}

}  // namespace stanmix

#endif
