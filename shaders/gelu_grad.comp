#version 450
// variants: KIND=erf|tanh|quick T=float|vec4
// dx = dy * gelu'(x), of the same forms as gelu.comp:
//   erf:  Phi(x) + x phi(x), phi the density of the normal distribution
//   quick: s + 1.702 x s (1 - s), s = 1 / (1 + exp(-1.702 x))
//   tanh: s + 2 x u' s (1 - s), s = 1 / (1 + exp(-2 u)), u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
#extension GL_GOOGLE_include_directive : require
#ifdef KIND_erf
T slope(T x) {
  const T z = abs(x) * 0.70710678118654752;
  const T t = 1.0 / (1.0 + 0.3275911 * z);
  const T poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const T bell = exp(-z * z);
  const T tail = 0.5 * poly * bell;  // Phi(-|x|)
  return mix(tail, 1.0 - tail, step(T(0.0), x)) + x * 0.39894228040143268 * bell;
}
#else
T slope(T x) {
#ifdef KIND_quick
  const T v = 1.702 * x, v_slope = T(1.702);
#else
  const T v = 1.59576912160573072 * (x + 0.044715 * x * x * x);
  const T v_slope = 1.59576912160573072 * (1.0 + 0.134145 * x * x);
#endif
  const T s = 1.0 / (1.0 + exp(-v));
  return s + x * v_slope * s * (1.0 - s);
}
#endif
T apply(T x, T dy) { return dy * slope(x); }
#include "shaders/common/pointwise.glsl"
