// For tests/stan/test_releases.py: both programs as another CmdStan's stanc and headers make them. Takes a program's
// name and files with its data and with starting values; prints for each of the latter where it lies in the sampler's
// space, the log density there, and the gradient.
#define USING_R  // no new_model, which both programs would define
#include "kernels/univariate.hpp"
#define stan_model univariate_stan_model  // both would be called by the one name
#include "univariate.hpp"
#undef stan_model
#include "kernels/multivariate.hpp"
#include "multivariate.hpp"

#include <stan/callbacks/logger.hpp>
#include <stan/callbacks/writer.hpp>
#include <stan/io/json/json_data.hpp>
#include <stan/services/util/create_rng.hpp>
#include <stan/services/util/initialize.hpp>

#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>

stan::json::json_data read(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  return stan::json::json_data(file);
}

void print(const std::vector<double>& values) {
  for (double x : values) std::cout << ' ' << x;
  std::cout << '\n';
}

int main(int argc, char** argv) {
  stan::json::json_data data = read(argv[2]);
  std::unique_ptr<stan::model::model_base> model;
  if (std::string(argv[1]) == "univariate") {
    model.reset(new univariate_model_namespace::univariate_model(data, 1, &std::cerr));
  } else {
    model.reset(new multivariate_model_namespace::multivariate_model(data, 1, &std::cerr));
  }
  std::cout << std::setprecision(17);
  auto rng = stan::services::util::create_rng(1, 1);
  for (int i = 3; i < argc; ++i) {
    stan::json::json_data start = read(argv[i]);
    stan::callbacks::logger logger;
    stan::callbacks::writer writer;
    // as CmdStan makes a start of values that a user gives
    std::vector<double> at = stan::services::util::initialize(*model, start, rng, 2, false, logger, writer), gradient;
    std::vector<int> none;
    const double value = stan::model::log_prob_grad<false, true>(*model, at, none, gradient, &std::cerr);
    print(at);
    print({value});
    print(gradient);
  }
}
