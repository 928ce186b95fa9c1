// A finite mixture for one column of continuous observations, the memberships summed out. Every component has a
// location, which orders the components, a scale, and in some families a shape. Each of them, and the weights, has as
// many free values as its count says: none when it is fixed in the data, one when the components share it, or K.
functions {
#include functions/priors.stanfunctions
#include functions/components.stanfunctions
#include functions/mixture.stanfunctions
}
data {
  // sizes
  int<lower=0> N; // number of observations; 0 leaves the prior alone
  int<lower=1> K; // number of components
  int<lower=0> theta_count; // free weights: 0 or K
  int<lower=0> location_count; // free locations: 0 or K
  int<lower=0> scale_count; // free scales: 0, 1 or K
  int<lower=0> shape_count; // free shapes: 0, 1 or K

  // observations
  vector[N] y; // one value per observation, in the unit of the data

  // the family and the supports of its parameters
  int<lower=1, upper=5> family; // its number in functions/components.stanfunctions
  int<lower=0, upper=1> location_is_positive; // 1: locations are positive and sampled on the log scale
  int<lower=0, upper=1> shape_is_bounded; // 1: shapes are greater than shape_lower
  real shape_lower; // ignored when they are not

  // what the sampler works in: any unit gives the same posterior, one near the data's own makes it easy to explore
  real origin; // a typical location (its log if positive)
  real<lower=0> location_unit; // a typical distance between locations (between their logs)
  real<lower=0> scale_unit; // a typical scale

  // values of what is fixed, or of a shape the family does not have
  vector<lower=0>[theta_count == 0 ? K : 0] theta_fixed; // weights, adding to 1
  vector[location_count == 0 ? K : 0] location_fixed; // increasing
  vector<lower=0>[scale_count == 0 ? K : 0] scale_fixed;
  vector[shape_count == 0 ? K : 0] shape_fixed;

  // priors of what is free; the numbers of the distributions stand in functions/priors.stanfunctions
  vector<lower=0>[theta_count] theta_concentration; // dirichlet prior of the weights
  array[location_count] int<lower=1> location_prior; // distribution of each location
  array[location_count, 3] real location_arguments; // its arguments
  array[scale_count] int<lower=1> scale_prior; // distribution of each scale
  array[scale_count, 3] real scale_arguments; // its arguments
  array[shape_count] int<lower=1> shape_prior; // distribution of each shape
  array[shape_count, 3] real shape_arguments; // its arguments
}
transformed data {
  real lowest_location = location_is_positive ? 0 : negative_infinity();
  real lowest_shape = shape_is_bounded ? shape_lower : negative_infinity();
}
parameters {
  simplex[theta_count == 0 ? 1 : K] theta_free;
  ordered[location_count] location_free; // (location - origin) / location_unit, of the log if positive
  vector<lower=0>[scale_count] scale_free; // scale / scale_unit
  vector<lower=lowest_shape>[shape_count] shape_free;
}
transformed parameters {
  vector[K] theta = theta_count == 0 ? theta_fixed : theta_free;
  vector[K] location;
  vector[K] scale;
  vector[K] shape;
  if (location_count == 0) {
    location = location_fixed;
  } else if (location_is_positive) {
    location = exp(origin + location_unit * location_free);
  } else {
    location = origin + location_unit * location_free;
  }
  if (scale_count == 0) {
    scale = scale_fixed;
  } else if (scale_count == 1) {
    scale = rep_vector(scale_unit * scale_free[1], K);
  } else {
    scale = scale_unit * scale_free;
  }
  if (shape_count == 0) {
    shape = shape_fixed;
  } else if (shape_count == 1) {
    shape = rep_vector(shape_free[1], K);
  } else {
    shape = shape_free;
  }
}
model {
  if (theta_count > 0) {
    target += dirichlet_lpdf(theta_free | theta_concentration);
  }
  // the priors are those of location, scale and shape; the change of unit adds constants, which are left out
  if (location_count > 0) {
    target += priors_lpdf(location | location_prior, location_arguments, lowest_location);
    if (location_is_positive) {
      target += sum(log(location)); // the density of a positive location seen from its log
    }
  }
  target += priors_lpdf(scale_unit * scale_free | scale_prior, scale_arguments, 0);
  target += priors_lpdf(shape_free | shape_prior, shape_arguments, lowest_shape);
  target += mixture_lpdf(y | family, log(theta), location, scale, shape);
}
