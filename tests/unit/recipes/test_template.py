import tomllib

from prunekit.recipes.plan import from_dict, plan
from prunekit.recipes.template import template


def test_a_new_recipe_plans():
    text = template(arch="resnet8", dataset="digits", methods=["wt", "ft"], seeds=2, epochs=3)
    steps = plan(from_dict(tomllib.loads(text)))
    assert sum(step.params.kind == "train" for step in steps) == 3
    assert sum(step.params.kind == "prune" for step in steps) == 2 * 2 * 5
