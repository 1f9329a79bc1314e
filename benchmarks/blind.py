"""A control for chapter 18: an AAVAE whose discriminator is never trained, at 1 % of MNIST. Ten seeds.

    python benchmarks/blind.py        # about 10 minutes on one CPU thread; needs MNIST

All is as in `python -m ganvae_lib run vae --fraction 0.01`, with the same seeds, weights, minibatches and noise, but
the discriminator's learning rate is zero: it keeps its answers of about 1/2, and weighs nothing. What such a model
gains over a VAE comes from learning on samples of its own, not from an adversary.

Writes results/blind.json: experiment, command, seeds, config, data, environment, and by the number of steps

    bound        {values [seeds], mean, half_width_95}: the test ELBO of the blind model, nats per example
    over VAE     the same keys and effect_size: minus the VAE's of the recorded run, seed by seed
    over AAVAE   minus the AAVAE's
"""

import json

import record

from ganvae_lib import build, experiments, fit, metrics, records, zoo

setting = experiments.Setting("vae", fraction=0.01)
size = experiments.EXPERIMENTS["vae"].sizes[setting.size]
data, test = experiments._examples(setting, bounded=True)
rates, betas = {"theta": 1e-3, "eta": 1e-3, "phi": 0.0}, (0.9, 0.999)
content = {
    "experiment": "AAVAE with a blind discriminator", "command": "python benchmarks/blind.py",
    "seeds": list(setting.seeds), "config": {"batch": size["batch"], "networks": size["build"], "lr": rates},
    "data": {"name": setting.data, "digest": data.digest, "test_digest": test.digest},
    "environment": records.environment(), "steps": {},
}  # fmt: skip
for steps, file in ((1000, "vae-mnist-0.01"), (2000, "steps/vae-mnist-0.01-2000-steps")):
    known = json.loads((record.RESULTS / "experiments" / f"{file}.json").read_text())
    assert known["config"]["steps"] == steps and known["data"]["digest"] == data.digest
    run = fit(build(zoo.AAVAE, data, **size["build"]), data, steps, batch=size["batch"], seeds=list(setting.seeds),
              lr=rates, betas=betas, device="cpu")  # fmt: skip
    bound = metrics.elbo(run.model, test).tolist()
    base, variant = (known["scores"]["lower bound"][who]["values"] for who in ("base", "variant"))
    content["steps"][str(steps)] = {"bound": records.summary(bound), "over VAE": records.paired(base, bound),
                                    "over AAVAE": records.paired(variant, bound)}  # fmt: skip
    print(steps, {k: (v["mean"], v["half_width_95"]) for k, v in content["steps"][str(steps)].items()}, flush=True)
    record.write("blind", content)
