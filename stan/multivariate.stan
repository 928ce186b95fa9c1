// A finite mixture of multivariate normal components for several columns of observations, the memberships summed out,
// except those that are known. Means are never shared; standard deviations and correlations have one set for each
// component or one for all, and there are no correlations when columns are taken to be uncorrelated within components.
// The components are in the order of their means in one column, or in none. All rows of a group may
// have one membership. Observations, or groups, that are alike are given once, with how many they are.
functions {
#include priors.stanfunctions
#include marginal.stanfunctions
#include multivariate.stanfunctions
}
data {
  // sizes
  int<lower=0> N; // number of rows, distinct ones where each has a membership of its own; 0 leaves the prior alone
  int<lower=0> G; // number of distinct groups of rows with one membership each; 0 where every row has its own
  int<lower=2> D; // number of columns
  int<lower=1> K; // number of components
  int<lower=0> theta_count; // free weights: 0 or K
  int<lower=1> sigma_count; // sets of standard deviations: 1 or K
  int<lower=0> correlation_count; // correlation matrices: 0, 1 or K

  // switches
  int<lower=0, upper=D> order; // the column whose means increase from component to component; 0 for none

  // observations
  array[G] int<lower=1> group_size; // how many rows each group has; they lie beside each other
  vector<lower=0>[G > 0 ? G : N] count; // how many groups, or rows without any, are alike
  array[G > 0 ? G : N] int<lower=0, upper=K> known; // the component they come from where it is known, 0 elsewhere
  matrix[D, N] y; // the values, a row of the data in each column, in the units of the data

  // what the sampler works in: any unit gives the same posterior, one near the data's own makes it easy to explore
  vector[D] origin; // a typical value of each column
  vector<lower=0>[D] unit; // a typical spread

  // values of what is fixed
  vector<lower=0>[theta_count == 0 ? K : 0] theta_fixed; // weights, adding to 1

  // limits below which nothing can be told from rounding
  vector<lower=0>[D] sigma_lower; // standard deviations are greater than this
  vector<lower=0>[D] thinnest; // and those given the other columns greater than this; 0 for correlations that are shared

  // priors of what is free; the numbers of the distributions stand in functions/priors.stanfunctions
  vector<lower=0>[theta_count] theta_concentration; // dirichlet prior of the weights
  array[D, K] int<lower=1> mu_prior; // distribution of each mean
  array[D, K, 4] real mu_arguments; // its arguments and what is left where it is cut
  array[D, sigma_count] int<lower=1> sigma_prior; // distribution of each standard deviation
  array[D, sigma_count, 4] real sigma_arguments; // the same
  vector<lower=0>[correlation_count] correlation_shape; // shape of the LKJ prior of each correlation matrix
}
parameters {
  simplex[theta_count == 0 ? 1 : K] theta_free;
  ordered[order > 0 ? K : 0] ordered_free; // (mu - origin) / unit of the column that gives the order
  matrix[K, order > 0 ? D - 1 : D] mu_free; // the same of the others
  matrix<lower=0>[sigma_count, D] sigma_free; // (sigma - sigma_lower) / unit
  array[correlation_count] cholesky_factor_corr[D] factor_free;
}
transformed parameters {
  vector[K] theta = theta_count == 0 ? theta_fixed : theta_free;
  matrix[K, D] mu;
  matrix[K, D] sigma;
  {
    int next = 1;
    for (d in 1:D) {
      if (d == order) {
        mu[, d] = origin[d] + unit[d] * ordered_free;
      } else {
        mu[, d] = origin[d] + unit[d] * mu_free[, next];
        next += 1;
      }
      for (k in 1:K) {
        sigma[k, d] = sigma_lower[d] + unit[d] * sigma_free[sigma_count == 1 ? 1 : k, d];
      }
    }
  }
}
model {
  if (theta_count > 0) {
    target += dirichlet_lpdf(theta_free | theta_concentration);
  }
  // the priors are those of mu and sigma; the change of unit adds constants, which are left out
  for (d in 1:D) {
    target += priors_lpdf(mu[, d] | mu_prior[d], mu_arguments[d]);
    target += priors_lpdf(sigma_lower[d] + unit[d] * sigma_free[, d] | sigma_prior[d], sigma_arguments[d]);
  }
  for (k in 1:correlation_count) {
    target += lkj_corr_cholesky_lpdf(factor_free[k] | correlation_shape[k]);
    if (max(thinnest) > 0 && min(given_the_others(to_vector(sigma[k]), factor_free[k]) - thinnest) < 0) {
      target += negative_infinity();
    }
  }
  target += multivariate_mixture_lpdf(y | count, known, group_size, log(theta), mu, sigma, factor_free);
}
generated quantities {
  array[correlation_count == 0 ? 0 : K] matrix[D, D] correlation;
  for (k in 1:size(correlation)) {
    correlation[k] = multiply_lower_tri_self_transpose(factor_free[correlation_count == 1 ? 1 : k]);
  }
}
