#version 450
// variants: T=float|vec4
// y = a + b, element by element.
#extension GL_GOOGLE_include_directive : require
T apply(T a, T b) { return a + b; }
#include "shaders/common/pointwise.glsl"
