// A finite mixture for one column of observations, continuous or counts, the memberships summed out, except those that
// are known. Every component has a location, which may order the components, and in some families a scale and a shape;
// counts may have extra zeros. Each of these, and the weights, has as many free values as its count says: none when it is
// fixed in the data or the family has none, one when the components share it, or K. All rows
// of a group may have one membership. Observations, or groups, that are alike are given once, with how many they are.
functions {
#include priors.stanfunctions
#include components.stanfunctions
#include mixture.stanfunctions
#include likelihood.stanfunctions
}
data {
  // sizes
  int<lower=0> N; // number of rows, distinct ones where each has a membership of its own; 0 leaves the prior alone
  int<lower=0> G; // number of distinct groups of rows with one membership each; 0 where every row has its own
  int<lower=1> K; // number of components
  int<lower=0> theta_count; // free weights: 0 or K
  int<lower=0> location_count; // free locations: 0 or K
  int<lower=0> scale_count; // free scales: 0, 1 or K
  int<lower=0> shape_count; // free shapes: 0, 1 or K
  int<lower=0, upper=1> zero_count; // free weights of extra zeros

  // switches
  int<lower=1> family; // its number in functions/components.stanfunctions
  int<lower=0, upper=1> is_whole; // 1: the observations are counts
  int<lower=0, upper=1> has_zero; // 1: there are extra zeros
  int<lower=0, upper=1> is_ordered; // 1: locations increase from component to component
  int<lower=0, upper=2> location_link; // locations are sampled as they are (0), as logs (1) or as logits (2)
  int<lower=0, upper=1> shape_is_bounded; // 1: shapes are greater than shape_lower
  real shape_lower; // ignored when they are not
  real<lower=0> scale_lower; // scales are greater than this

  // observations
  array[G] int<lower=1> group_size; // how many rows each group has; they lie beside each other
  vector<lower=0>[G > 0 ? G : N] count; // how many groups, or rows without any, are alike
  array[G > 0 ? G : N] int<lower=0, upper=K> known; // the component they come from where it is known, 0 elsewhere
  vector[is_whole ? 0 : N] y; // continuous values, in the unit of the data
  real<lower=0> half_step; // half the step to which they are rounded; 0 when they are exact
  array[is_whole ? N : 0] int<lower=0> whole; // counts
  array[is_whole ? N : 0] int<lower=0> trials; // the trials behind each count; 0 for families without trials
  vector<lower=0>[is_whole ? N : 0] exposure; // the exposure behind each count; 1 where there is none

  // what the sampler works in: any unit gives the same posterior, one near the data's own makes it easy to explore
  real origin; // a typical location, as it is sampled
  real<lower=0> location_unit; // a typical distance between locations, as they are sampled
  real<lower=0> scale_unit; // a typical scale

  // values of what is fixed, or of what the family does not have
  vector<lower=0>[theta_count == 0 ? K : 0] theta_fixed; // weights, adding to 1
  vector[location_count == 0 ? K : 0] location_fixed; // increasing
  vector<lower=0>[scale_count == 0 ? K : 0] scale_fixed;
  vector[shape_count == 0 ? K : 0] shape_fixed;
  vector<lower=0, upper=1>[has_zero && zero_count == 0 ? 1 : 0] zero_fixed;

  // priors of what is free; the numbers of the distributions stand in functions/priors.stanfunctions
  vector<lower=0>[theta_count] theta_concentration; // dirichlet prior of the weights
  array[location_count] int<lower=1> location_prior; // distribution of each location
  array[location_count, 3] real location_arguments; // its arguments
  array[scale_count] int<lower=1> scale_prior; // distribution of each scale
  array[scale_count, 3] real scale_arguments; // its arguments
  array[shape_count] int<lower=1> shape_prior; // distribution of each shape
  array[shape_count, 3] real shape_arguments; // its arguments
  array[zero_count] int<lower=1> zero_prior; // distribution of the weight of extra zeros
  array[zero_count, 3] real zero_arguments; // its arguments
}
transformed data {
  real lowest_location = location_link > 0 ? 0 : negative_infinity();
  real lowest_shape = shape_is_bounded ? shape_lower : negative_infinity();
  if (G > 0 && has_zero) {
    reject("extra zeros are of single rows, not of groups");
  }
}
parameters {
  simplex[theta_count == 0 ? 1 : K] theta_free;
  ordered[is_ordered ? location_count : 0] ordered_free; // (location - origin) / location_unit, as it is sampled
  vector[is_ordered ? 0 : location_count] unordered_free; // the same without an order
  vector<lower=scale_lower / scale_unit>[scale_count] scale_free; // scale / scale_unit
  vector<lower=lowest_shape>[shape_count] shape_free;
  vector<lower=0, upper=1>[zero_count] zero_free;
}
transformed parameters {
  vector[K] theta = theta_count == 0 ? theta_fixed : theta_free;
  vector[K] location;
  vector[K] scale;
  vector[K] shape;
  vector[has_zero] zero;
  if (location_count == 0) {
    location = location_fixed;
  } else {
    if (is_ordered) {
      location = origin + location_unit * ordered_free;
    } else {
      location = origin + location_unit * unordered_free;
    }
    if (location_link == 1) {
      location = exp(location);
    } else if (location_link == 2) {
      location = inv_logit(location);
    }
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
  if (has_zero) {
    zero = zero_count == 0 ? zero_fixed : zero_free;
  }
}
model {
  if (theta_count > 0) {
    target += dirichlet_lpdf(theta_free | theta_concentration);
  }
  // the priors are those of location, scale and shape; the change of unit adds constants, which are left out
  if (location_count > 0) {
    target += priors_lpdf(location | location_prior, location_arguments, lowest_location);
    if (location_link == 1) {
      target += sum(log(location)); // the density of a positive location seen from its log
    } else if (location_link == 2) {
      target += sum(log(location) + log1m(location)); // and of a probability from its logit
    }
  }
  target += priors_lpdf(scale_unit * scale_free | scale_prior, scale_arguments, scale_lower);
  target += priors_lpdf(shape_free | shape_prior, shape_arguments, lowest_shape);
  target += priors_lpdf(zero_free | zero_prior, zero_arguments, 0);
  target += log_likelihood(is_whole, y, whole, count, known, group_size, half_step, family, trials, exposure,
                           log(theta), zero, location, scale, shape);
}
