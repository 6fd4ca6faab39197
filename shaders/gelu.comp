#version 450
// variants: KIND=erf|tanh|quick T=float|vec4
// y = gelu(x) = x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016).
//   erf:  Phi from the complementary error function, Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7)
//   quick: x / (1 + exp(-1.702 x)) (CLIP)
//   tanh: x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3), which is 0.5 x (1 + tanh(u))
#extension GL_GOOGLE_include_directive : require
#define POINTWISE_ONE_INPUT
#ifdef KIND_erf
T apply(T x) {
  const T z = abs(x) * 0.70710678118654752;
  const T t = 1.0 / (1.0 + 0.3275911 * z);
  const T poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const T tail = 0.5 * poly * exp(-z * z);  // Phi(-|x|)
  return max(x, T(0.0)) - abs(x) * tail;
}
#elif defined(KIND_quick)
T apply(T x) { return x / (1.0 + exp(-1.702 * x)); }
#else
T apply(T x) {
  const T u = 0.79788456080286536 * (x + 0.044715 * x * x * x);
  return x / (1.0 + exp(-2.0 * u));
}
#endif
#include "shaders/common/pointwise.glsl"
