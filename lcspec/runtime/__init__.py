"""One renderer, one decoder, for training data, evaluation and serving alike.

What the package promises:

- A row of data becomes token ids in one place (`prompt.encode_prompt`), and the ids that training sees are those
  of evaluation and of the service: `prompt.encode_example` starts with exactly `prompt.encode_prompt`.
- A row's value is data: it is never compiled as a template, and a control token's text in it stays text.
- One row at a time, without padding, so an answer depends on its row alone and not on what was asked before.
- Weights are read from safetensors only; code that comes with a model runs only where its SHA-256 is listed.
- It imports nothing of lcspec: the generated service carries a verbatim copy, named by `digest.source_digest`.
"""
