"""What the model of the guide is."""

from transformers import AutoConfig

from seer_rpc.interface import expose, get_model_path

config = AutoConfig.from_pretrained(get_model_path("google/gemma-2-9b"))


@expose
def describe_model() -> dict[str, int]:
    """Tell how large the model is."""
    return {"layers": config.num_hidden_layers, "width": config.hidden_size}
