"""What can be told of CmdStan's work without CmdStan."""

import io

from stanmix import cmdstan


def test_progress_counts_the_iterations_of_all_chains_and_says_so_now_and_then(monkeypatch):
    clock, said, onward = [100.0], [], io.StringIO()
    monkeypatch.setattr(cmdstan.time, "monotonic", lambda: clock[0])
    stream = cmdstan.Progress({"chains": 2, "warmup": 500, "draws": 500}, said.append, onward)
    lines = [
        (105, "Chain [1] Iteration: 100 / 1000 [ 10%]  (Warmup)"),
        (111, "Chain [2] Iteration:   1 / 1000 [  0%]  (Warmup)"),
        (112, "Chain [1] Iteration: 200 / 1000 [ 20%]  (Warmup)"),
        (130, "Chain [2] Gradient evaluation took 2e-05 seconds"),
        (130.5, "Chain [2] "),
        (130.6, ""),
        (131, "Chain [1] Iteration: 1000 / 1000 [100%]  (Sampling)"),
    ]
    for clock[0], line in lines:
        print(line, file=stream)
    assert said == ["Sampling: 101 of 2000 iterations.", "Sampling: 1001 of 2000 iterations."]
    assert onward.getvalue().splitlines() == [line for _, line in lines if line and not line.endswith("[2] ")]
