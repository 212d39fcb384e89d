"""What a model answers."""

import torch


def generate_response(model, tokenizer, prompt, max_tokens=256, temperature=0.7):
    """Go on with a text; temperature 0 takes the most probable token each time."""
    sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {}
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    with torch.no_grad():
        outputs = model.generate(
            **inputs,
            max_new_tokens=max_tokens,
            pad_token_id=tokenizer.eos_token_id,
            **({"do_sample": False} | sampling),
        )
    # Cut by tokens: as text the prompt may come back a little different.
    return tokenizer.decode(outputs[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def ask(model, tokenizer, question, max_tokens=48, temperature=0.0):
    """Give the answer to a question; a model without a chat template just goes on with it."""
    if tokenizer.chat_template:
        chat = [{"role": "user", "content": question}]
        question = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return generate_response(model, tokenizer, question, max_tokens, temperature)
