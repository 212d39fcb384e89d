"""Code from elsewhere: what it costs a model to do without one layer."""

import torch


def without_layer(model, tokenizer, text, layer):
    """Give how many nats per token a text costs more when a layer passes on what it gets."""

    def skip(module, args, output):
        return (args[0], *output[1:]) if isinstance(output, tuple) else args[0]

    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    with torch.no_grad():
        usual = model(**inputs, labels=inputs["input_ids"]).loss
        handle = model.model.layers[layer].register_forward_hook(skip)
        try:
            skipped = model(**inputs, labels=inputs["input_ids"]).loss
        finally:
            handle.remove()
    return float(skipped - usual)
