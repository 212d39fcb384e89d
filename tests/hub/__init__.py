"""An emulation of the Hugging Face hub on this machine: the real `huggingface_hub` asks it.

What it stands for
    Models as commits of files, branches and tags; what the hub tells of a model and its files; the
    files themselves, with ETags, in parts where parts are asked for; what it says of models that
    are gated, private or not there, to whoever has a token, another one or none. Connections can be
    cut in the middle of a file. It is a thread, which ends with its block.

What it does not do
    Xet, redirects to other hosts, pages of long listings, anything that writes.

What nobody has compared with the real service
    That a gated model's listing is for everyone, and its files alone are refused; the words of
    errors beside the codes that the library reads.
"""
