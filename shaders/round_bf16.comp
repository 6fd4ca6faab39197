#version 450
// variants: T=float|vec4
// y = x rounded to bf16, as f32.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/bf16.glsl"
#define POINTWISE_ONE_INPUT
T apply(T x) { return round_bf16(x); }
#include "shaders/common/pointwise.glsl"
