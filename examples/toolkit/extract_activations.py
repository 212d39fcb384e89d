"""What the residual stream holds at a layer."""

import torch


def get_layer_activations(model, tokenizer, text, layer):
    """Give the residual stream of the last token behind a layer: [hidden size]."""
    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    with torch.no_grad():
        states = model(**inputs, output_hidden_states=True).hidden_states
    # Before the first layer there are the embeddings.
    return states[layer + 1][0, -1]


def contrast_vector(model, tokenizer, positive, negative, layer):
    """Give the mean difference between two lists of texts: a direction to steer along."""
    means = [
        torch.stack([get_layer_activations(model, tokenizer, text, layer) for text in texts]).mean(
            0
        )
        for texts in (positive, negative)
    ]
    return means[0] - means[1]
