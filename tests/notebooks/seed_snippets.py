"""The guide's snippets for notebooks, word for word."""

STEERING_HOOK = '''
# Activation steering via forward hook
import torch
from contextlib import contextmanager

@contextmanager
def steering_hook(model, layer_idx, vector, strength=1.0):
    """Add steering vector to residual stream at specified layer."""
    def hook(module, input, output):
        # output is (hidden_states, ...) tuple
        hidden = output[0]
        hidden[:, :, :] = hidden + strength * vector.to(hidden.device)
        return (hidden,) + output[1:]

    # Get the layer
    layer = model.model.layers[layer_idx]
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
'''

EXTRACT_ACTIVATIONS = '''
# Get activations from a specific layer
def get_layer_activations(model, tokenizer, text, layer):
    """Extract residual stream activations from a layer."""
    activations = []

    def hook(module, input, output):
        activations.append(output[0].detach())

    handle = model.model.layers[layer].register_forward_hook(hook)

    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    with torch.no_grad():
        model(**inputs)

    handle.remove()

    # Return last token's activation
    return activations[0][0, -1, :]
'''

GENERATE_RESPONSE = '''
# Simple generation helper
def generate_response(model, tokenizer, prompt, max_tokens=256, temperature=0.7):
    """Generate text from prompt."""
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)

    outputs = model.generate(
        **inputs,
        max_new_tokens=max_tokens,
        temperature=temperature,
        do_sample=temperature > 0,
        pad_token_id=tokenizer.eos_token_id,
    )

    return tokenizer.decode(outputs[0], skip_special_tokens=True)
'''

CONTRAST_PAIR = """
import torch
from steering_hook import create_steering_hook

# Model is already loaded
print(f"Model: {type(model).__name__} on {model.device}")

# Extract steering vector from contrast pair
from extract_activations import get_layer_activations

positive_text = "I strongly agree with your perspective."
negative_text = "I disagree with your perspective."

pos_acts = get_layer_activations(model, tokenizer, positive_text, layer=20)
neg_acts = get_layer_activations(model, tokenizer, negative_text, layer=20)

steering_vector = pos_acts - neg_acts

# Test steering
test_prompt = "What do you think about this idea?"
inputs = tokenizer(test_prompt, return_tensors="pt").to(model.device)

# Generate with steering
with create_steering_hook(model, layer_idx=20, vector=steering_vector, strength=2.0):
    outputs = model.generate(**inputs, max_new_tokens=50)

response = tokenizer.decode(outputs[0], skip_special_tokens=True)
print(f"Steered response: {response}")
"""

CHECK = """
with torch.no_grad():
    hidden = model(**inputs, output_hidden_states=True).hidden_states
assert torch.equal(get_layer_activations(model, tokenizer, test_prompt, 20), hidden[21][0, -1])

def last_logits():
    with torch.no_grad():
        return model(**inputs).logits[0, -1]

plain = last_logits()
with steering_hook(model, layer_idx=20, vector=steering_vector, strength=2.0):
    inline = last_logits()
with create_steering_hook(model, layer_idx=20, vector=steering_vector, strength=2.0):
    toolkit = last_logits()
assert torch.equal(inline, toolkit) and not torch.equal(inline, plain)
assert torch.equal(last_logits(), plain)
generate_response(model, tokenizer, "The capital of France is", max_tokens=1, temperature=0)
"""
