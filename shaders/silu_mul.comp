#version 450
// variants: T=float|vec4
// y = silu(gate) * up, silu(x) = x / (1 + exp(-x)): the gated unit of LLaMA's feed-forward network.
#extension GL_GOOGLE_include_directive : require
T apply(T gate, T up) { return gate / (1.0 + exp(-gate)) * up; }
#include "shaders/common/pointwise.glsl"
