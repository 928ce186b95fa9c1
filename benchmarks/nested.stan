// Groups of rows with one membership each as a user of Stan, or of brms with a formula of its own, would write them: loops
// over groups, components and rows, differentiated by Stan. The model is that of speed.py's other contestants.
data {
  int<lower=1> K;
  int<lower=1> G; // groups
  int<lower=1> M; // rows of each
  array[G] vector[M] y;
  vector[K] locations;
}
parameters {
  simplex[K] theta;
  ordered[K] mu;
  real<lower=0> sigma;
}
model {
  vector[K] log_theta = log(theta);
  mu ~ normal(locations, 2);
  sigma ~ cauchy(0, 5);
  for (g in 1:G) {
    vector[K] terms = log_theta;
    for (k in 1:K) {
      for (m in 1:M) {
        terms[k] += normal_lpdf(y[g, m] | mu[k], sigma);
      }
    }
    target += log_sum_exp(terms);
  }
}
