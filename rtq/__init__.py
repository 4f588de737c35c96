"""rtq: RetouchIQ in JAX. Photo retouching by instruction, with plans that a differentiable editor executes."""
