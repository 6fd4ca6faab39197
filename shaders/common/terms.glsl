// A value of a matrix is one term of a sum, or with nt4 four neighbouring ones.
#ifndef LORIKEET_COMMON_TERMS_GLSL
#define LORIKEET_COMMON_TERMS_GLSL
#ifdef FORM_nt4
#define FORM_nt
#define VALUE vec4
const uint VALUE_TERMS = 4u;
float add_product(vec4 a, vec4 b, float sum) { return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum)))); }
#else
#define VALUE float
const uint VALUE_TERMS = 1u;
float add_product(float a, float b, float sum) { return fma(a, b, sum); }
#endif
const uint TURN = VALUE_TERMS == 4u ? 2u : 4u;  // values of each row and column that are read at once
#endif
