"""One task of one peer, run by speed.py with the Python of the peers (requirements-peers.txt).

    python peers.py FILE

FILE is JSON: peer, task ("gradient" or "sample"), y (a list) and locations; for "gradient" perhaps together, how many
rows in turn are a group with one membership; for "sample" also chains, warmup, draws,
seed and out, where the draws go. Prints the seconds. The model of all: y ~ sum_k theta_k normal(mu_k, sigma) with mu
increasing, theta ~ dirichlet(1), mu ~ normal(locations, 2) and sigma ~ half-Cauchy(5), the memberships summed out.
Only "pymc-labels" goes the way of the tutorial: labels by Gibbs and everything else by Metropolis. Compilation is not
counted.
"""

import ctypes
import json
import os
import sys
import time

import numpy as np


def per_call(function):
    """Seconds of one call: the best of three rounds of a third of a second."""
    function()
    calls, rounds = 1, []
    while len(rounds) < 3:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        spent = time.perf_counter() - start
        if spent > 1 / 3:
            rounds.append(spent / calls)
        else:
            calls *= 2
    return min(rounds)


def pymc_model(y, locations, labelled=False, together=1):
    import pymc as pm

    with pm.Model() as model:
        theta = pm.Dirichlet("theta", np.ones(len(locations)))
        order = {} if labelled else {"transform": pm.distributions.transforms.ordered}
        mu = pm.Normal("mu", locations, 2, initval=locations, **order)
        sigma = pm.HalfCauchy("sigma", 5, initval=2.0)
        if together > 1:
            rows = pm.logp(pm.Normal.dist(mu, sigma), y.reshape(-1, together, 1))
            pm.Potential("y", pm.math.logsumexp(pm.math.log(theta) + rows.sum(axis=1), axis=1).sum())
        elif labelled:
            nearest = np.abs(y[:, None] - locations).argmin(axis=1)
            z = pm.Categorical("z", theta, shape=len(y), initval=nearest)
            pm.Normal("y", mu[z], sigma, observed=y)
        else:
            pm.NormalMixture("y", theta, mu, sigma, observed=y)
    return model


def numpyro_model(y, locations, together=1):
    import jax
    import numpyro
    import numpyro.distributions as dist

    theta = numpyro.sample("theta", dist.Dirichlet(np.ones(len(locations))))
    shape = (len(locations),)
    mu = numpyro.sample("mu", dist.ImproperUniform(dist.constraints.ordered_vector, (), event_shape=shape))
    numpyro.factor("prior", dist.Normal(locations, 2.0).log_prob(mu).sum())
    sigma = numpyro.sample("sigma", dist.HalfCauchy(5.0))
    if together > 1:
        rows = dist.Normal(mu, sigma).log_prob(y.reshape(-1, together, 1))
        numpyro.factor("y", jax.nn.logsumexp(jax.numpy.log(theta) + rows.sum(axis=1), axis=1).sum())
        return
    numpyro.sample("y", dist.MixtureSameFamily(dist.Categorical(theta), dist.Normal(mu, sigma)), obs=y)


def gradient(peer, y, locations, together):
    """Seconds of one log density with its gradient."""
    if peer == "numpyro":
        import jax
        from numpyro.infer import init_to_value
        from numpyro.infer.util import initialize_model

        start = init_to_value(values={"mu": locations, "sigma": 2.0})
        info = initialize_model(
            jax.random.PRNGKey(0), numpyro_model, model_args=(y, locations, together), init_strategy=start
        )
        both, at = jax.jit(jax.value_and_grad(info.potential_fn)), info.param_info.z
        return per_call(lambda: jax.block_until_ready(both(at)))
    model = pymc_model(y, locations, together=together)
    if peer == "nutpie":
        import nutpie

        compiled = nutpie.compile_pymc_model(model)
        number = ctypes.POINTER(ctypes.c_double)
        form = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, number, number, number, ctypes.c_void_p)
        function = form(compiled.compiled_logp_func.address)
        at, slope, value = np.zeros(compiled.n_dim), np.zeros(compiled.n_dim), np.zeros(1)
        given = [x.ctypes.data_as(number) for x in (at, slope, value)]
        return per_call(lambda: function(len(at), *given, compiled.user_data.ctypes.data))
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    at = np.concatenate([np.ravel(value) for value in model.initial_point().values()])
    return per_call(lambda: function._pytensor_function(at))


def sample(peer, y, locations, task):
    """Seconds of sampling with warm-up, and the draws by name: (chains, draws, ...)."""
    chains, warmup, draws, seed = (task[key] for key in ("chains", "warmup", "draws", "seed"))
    if peer == "numpyro":
        import jax
        from numpyro.infer import MCMC, NUTS, init_to_value

        kernel = NUTS(numpyro_model, init_strategy=init_to_value(values={"mu": locations, "sigma": 2.0}))
        mcmc = MCMC(
            kernel, num_warmup=warmup, num_samples=draws, num_chains=chains, chain_method="parallel", progress_bar=False
        )
        mcmc.run(jax.random.PRNGKey(seed), y, locations)  # compiles, too
        start = time.perf_counter()
        mcmc.run(jax.random.PRNGKey(seed + 1), y, locations)
        found = {name: np.asarray(values) for name, values in mcmc.get_samples(group_by_chain=True).items()}
        return time.perf_counter() - start, found
    model = pymc_model(y, locations, labelled=peer == "pymc-labels")
    if peer == "nutpie":
        import nutpie

        compiled = nutpie.compile_pymc_model(model)
        start = time.perf_counter()
        trace = nutpie.sample(
            compiled, draws=draws, tune=warmup, chains=chains, cores=os.cpu_count(), seed=seed, progress_bar=False
        )
    else:
        import pymc as pm

        with model:
            steps = None
            if peer == "pymc-labels":
                rest = [model["theta"], model["mu"], model["sigma"]]
                steps = [pm.Metropolis(rest), pm.CategoricalGibbsMetropolis([model["z"]])]
            start = time.perf_counter()
            trace = pm.sample(
                draws, tune=warmup, chains=chains, cores=os.cpu_count(), random_seed=seed, step=steps,
                progressbar=False, compute_convergence_checks=False,
            )  # fmt: skip
    seconds = time.perf_counter() - start
    return seconds, {name: trace.posterior[name].to_numpy() for name in ("theta", "mu", "sigma")}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    if task["peer"] == "numpyro":
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={task.get('chains', 1)}"
        import jax

        jax.config.update("jax_enable_x64", True)
    y, locations = np.array(task["y"]), np.array(task["locations"], float)
    if task["task"] == "gradient":
        seconds = gradient(task["peer"], y, locations, task.get("together", 1))
    else:
        seconds, draws = sample(task["peer"], y, locations, task)
        np.savez(task["out"], **draws)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
