"""Answers to the exercises of chapter 07: another right one, written without the solution, and typical wrong ones."""

ANSWERS = {
    "ex-07-temperature": {
        "other": """
def posterior(prior, logit, T):
    prior = torch.as_tensor(prior)
    logs = [math.log(p) - math.log1p(math.exp(-t / T)) for p, t in zip(prior.tolist(), logit.tolist())]
    return torch.tensor(logs).softmax(0).tolist()

hot = prior
total = sum(p for p, t in zip(prior, logit) if t > 0)
cold = [p / total if t > 0 else 0.0 for p, t in zip(prior, logit)]
""",
        "wrong": {
            "the prior is missing": """
def posterior(prior, logit, T):
    D = torch.sigmoid(torch.as_tensor(logit) / T)
    return D / D.sum()

hot, cold = prior, prior
""",
            "does not sum to one": """
def posterior(prior, logit, T):
    return torch.as_tensor(prior) * torch.sigmoid(torch.as_tensor(logit) / T)

hot, cold = prior, prior
""",
            "the prior stays": """
def posterior(prior, logit, T):
    return (torch.as_tensor(prior).log() + torch.nn.functional.logsigmoid(torch.as_tensor(logit) / T)).softmax(0)

hot = torch.full((5,), 0.2)
cold = prior
""",
        },
    },
}
