// A finite mixture for one column of continuous observations, the memberships summed out.
// Any parameter may be fixed in the data, and sigma may be one per component or shared by all of them.
functions {
#include functions/priors.stanfunctions
#include functions/mixture.stanfunctions
}
data {
  // sizes
  int<lower=0> N; // number of observations; 0 leaves the prior alone
  int<lower=1> K; // number of components

  // observations
  vector[N] y; // one value per observation, in the unit of the data

  // what the sampler works in: any unit gives the same posterior, one near the data's own makes it easy to explore
  real centre; // a typical value of the data
  real<lower=0> scale; // a typical distance between them

  // switches
  int<lower=0, upper=1> theta_is_fixed; // 1: the weights are theta_fixed
  int<lower=0, upper=1> mu_is_fixed; // 1: the means are mu_fixed
  int<lower=0, upper=1> sigma_is_fixed; // 1: the standard deviations are sigma_fixed
  int<lower=0, upper=1> sigma_is_shared; // 1: one standard deviation for all components

  // values of what is fixed; empty where nothing is
  vector<lower=0>[theta_is_fixed ? K : 0] theta_fixed; // weights, adding to 1
  vector[mu_is_fixed ? K : 0] mu_fixed; // means, increasing
  vector<lower=0>[sigma_is_fixed ? K : 0] sigma_fixed; // standard deviations

  // priors of what is not; the numbers of the distributions stand in functions/priors.stanfunctions
  vector<lower=0>[theta_is_fixed ? 0 : K] theta_concentration; // dirichlet prior of the weights
  array[mu_is_fixed ? 0 : K] int<lower=1> mu_prior; // distribution of each mean
  array[mu_is_fixed ? 0 : K, 3] real mu_arguments; // its arguments
  array[sigma_is_fixed ? 0 : sigma_is_shared ? 1 : K] int<lower=1> sigma_prior; // of each standard deviation
  array[sigma_is_fixed ? 0 : sigma_is_shared ? 1 : K, 3] real sigma_arguments; // its arguments
}
parameters {
  simplex[theta_is_fixed ? 1 : K] theta_free;
  ordered[mu_is_fixed ? 0 : K] mu_free; // (mu - centre) / scale
  vector<lower=0>[sigma_is_fixed ? 0 : sigma_is_shared ? 1 : K] sigma_free; // sigma / scale
}
transformed parameters {
  vector[K] theta = theta_is_fixed ? theta_fixed : theta_free;
  vector[K] mu = mu_is_fixed ? mu_fixed : centre + scale * mu_free;
  vector[K] sigma;
  if (sigma_is_fixed) {
    sigma = sigma_fixed;
  } else if (sigma_is_shared) {
    sigma = rep_vector(scale * sigma_free[1], K);
  } else {
    sigma = scale * sigma_free;
  }
}
model {
  if (!theta_is_fixed) {
    target += dirichlet_lpdf(theta_free | theta_concentration);
  }
  // the priors are those of mu and sigma; the change of unit adds a constant, which is left out
  target += priors_lpdf(centre + scale * mu_free | mu_prior, mu_arguments, 0);
  target += priors_lpdf(scale * sigma_free | sigma_prior, sigma_arguments, 1);
  target += normal_mixture_lpdf(y | log(theta), mu, sigma);
}
