// A finite mixture for one column of observations, continuous or counts, the memberships summed out, except those that
// are known. Every component has a location, which may order the components, and in some families a scale and a shape;
// counts may have extra zeros. Each of these, and the weights, has as many free values as its count says: none when it is
// fixed in the data or the family has none, one when the components share it, or one for each component that is not
// fixed. All rows of a group may have one membership. Observations, or groups, that are alike are given once, with how
// many they are.
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
  int<lower=0, upper=K> location_count; // free locations
  int<lower=0, upper=K> scale_count; // free scales
  int<lower=0, upper=K> shape_count; // free shapes
  int<lower=0, upper=1> zero_count; // free weights of extra zeros

  // switches
  int<lower=1> family; // its number in functions/components.stanfunctions
  int<lower=0, upper=1> is_whole; // 1: the observations are counts
  int<lower=0, upper=1> has_zero; // 1: there are extra zeros
  int<lower=0, upper=1> is_ordered; // 1: locations increase from component to component
  int<lower=0, upper=1> of_differences; // 1: location priors after the first are of the distance from the one before

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

  // which free value each component has, 0 for none
  array[K] int<lower=0, upper=location_count> location_place;
  array[K] int<lower=0, upper=scale_count> scale_place;
  array[K] int<lower=0, upper=shape_count> shape_place;

  // values of what is fixed, or of what the family does not have; ignored elsewhere
  vector<lower=0>[theta_count == 0 ? K : 0] theta_fixed; // weights, adding to 1
  vector[K] location_fixed;
  vector<lower=0>[K] scale_fixed;
  vector[K] shape_fixed;
  vector<lower=0, upper=1>[has_zero && zero_count == 0 ? 1 : 0] zero_fixed;

  // where free values may lie: anywhere (0), above the first of their ends (1), between them (2), below the second (3);
  // locations between ends are sampled as logs of the distance from an end (1, 3) or as logits (2)
  array[location_count] int<lower=0, upper=3> location_bounds;
  array[location_count, 2] real location_ends;
  array[scale_count] int<lower=1, upper=2> scale_bounds;
  array[scale_count, 2] real<lower=0> scale_ends;
  array[shape_count] int<lower=0, upper=3> shape_bounds;
  array[shape_count, 2] real shape_ends;
  array[zero_count] int<lower=2, upper=2> zero_bounds;
  array[zero_count, 2] real<lower=0, upper=1> zero_ends;

  // priors of what is free; the numbers of the distributions stand in functions/priors.stanfunctions
  vector<lower=0>[theta_count] theta_concentration; // dirichlet prior of the weights
  array[location_count] int<lower=1> location_prior; // distribution of each location
  array[location_count, 4] real location_arguments; // its arguments and what is left where it is cut
  array[scale_count] int<lower=1> scale_prior; // distribution of each scale
  array[scale_count, 4] real scale_arguments; // its arguments and what is left where it is cut
  array[shape_count] int<lower=1> shape_prior; // distribution of each shape
  array[shape_count, 4] real shape_arguments; // its arguments and what is left where it is cut
  array[zero_count] int<lower=1> zero_prior; // distribution of the weight of extra zeros
  array[zero_count, 4] real zero_arguments; // its arguments and what is left where it is cut
}
transformed data {
  vector[scale_count] lowest_scale = lower_ends(scale_bounds, scale_ends) / scale_unit;
  vector[scale_count] highest_scale = upper_ends(scale_bounds, scale_ends) / scale_unit;
  vector[shape_count] lowest_shape = lower_ends(shape_bounds, shape_ends);
  vector[shape_count] highest_shape = upper_ends(shape_bounds, shape_ends);
  vector[zero_count] lowest_zero = lower_ends(zero_bounds, zero_ends);
  vector[zero_count] highest_zero = upper_ends(zero_bounds, zero_ends);
  if (G > 0 && has_zero) {
    reject("extra zeros are of single rows, not of groups");
  }
}
parameters {
  simplex[theta_count == 0 ? 1 : K] theta_free;
  ordered[is_ordered ? location_count : 0] ordered_free; // (location - origin) / location_unit, as it is sampled
  vector[is_ordered ? 0 : location_count] unordered_free; // the same without an order
  vector<lower=lowest_scale, upper=highest_scale>[scale_count] scale_free; // scale / scale_unit
  vector<lower=lowest_shape, upper=highest_shape>[shape_count] shape_free;
  vector<lower=lowest_zero, upper=highest_zero>[zero_count] zero_free;
}
transformed parameters {
  vector[K] theta = theta_count == 0 ? theta_fixed : theta_free;
  vector[K] location = one_each(between_ends(origin + location_unit * (is_ordered ? ordered_free : unordered_free),
                                             location_bounds, location_ends), location_place, location_fixed);
  vector[K] scale = one_each(scale_unit * scale_free, scale_place, scale_fixed);
  vector[K] shape = one_each(shape_free, shape_place, shape_fixed);
  vector[has_zero] zero;
  if (has_zero) {
    zero = zero_count == 0 ? zero_fixed : zero_free;
  }
}
model {
  if (theta_count > 0) {
    target += dirichlet_lpdf(theta_free | theta_concentration);
  }
  // the priors are those of location, scale and shape; the change of unit adds constants, which are left out
  {
    vector[location_count] sampled = origin + location_unit * (is_ordered ? ordered_free : unordered_free);
    vector[location_count] free = between_ends(sampled, location_bounds, location_ends);
    if (of_differences) {
      free[2:location_count] = free[2:location_count] - free[1:(location_count - 1)];
    }
    target += priors_lpdf(free | location_prior, location_arguments) + log_slope(sampled, location_bounds);
  }
  target += priors_lpdf(scale_unit * scale_free | scale_prior, scale_arguments);
  target += priors_lpdf(shape_free | shape_prior, shape_arguments);
  target += priors_lpdf(zero_free | zero_prior, zero_arguments);
  target += log_likelihood(is_whole, y, whole, count, known, group_size, half_step, family, trials, exposure,
                           log(theta), zero, location, scale, shape);
}
