// Rotary position embedding: cos and sin of position * frequency, exact for long contexts on every device.
#ifndef LORIKEET_COMMON_ROTARY_GLSL
#define LORIKEET_COMMON_ROTARY_GLSL

// (cos, sin)(position * frequency) to about 1e-6 for positions below 2^24 and angles below about 2^18. The built-in
// functions promise 11 bits within one turn only. The product is formed in two floats, a quarter turn is taken off in
// three parts of 12, 12 and 24 bits, and the rest goes into the Taylor series.
vec2 rotation(uint position, float frequency) {
  const float high_position = float(position & ~0xfffu);
  const float low_position = float(position & 0xfffu);
  const float high_frequency = uintBitsToFloat(floatBitsToUint(frequency) & 0xfffff000u);
  const float low_frequency = frequency - high_frequency;
  precise const float angle = float(position) * frequency;
  precise float error = high_position * high_frequency - angle;
  error = error + low_position * high_frequency;
  error = error + high_position * low_frequency;
  error = error + low_position * low_frequency;

  const float quarters = floor(angle * 0.63661977236758134 + 0.5);
  const float high_quarters = floor(quarters * (1.0 / 1024.0)) * 1024.0;
  const float low_quarters = quarters - high_quarters;
  const float part0 = 1.5703125;                // 12 bits of pi / 2
  const float part1 = 0.0004837512969970703;   // the next 12
  const float part2 = 7.549789954891882e-08;   // the rest
  precise float rest = angle - high_quarters * part0;
  rest = rest - low_quarters * part0;
  rest = rest - high_quarters * part1;
  rest = rest - low_quarters * part1;
  rest = rest - quarters * part2;
  rest = rest + error;

  const float z = rest * rest;
  const float sine = rest * (1.0 + z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0)))));
  const float cosine = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0))));
  const uint quadrant = uint(quarters) & 3u;
  const vec2 turned = (quadrant & 1u) == 0u ? vec2(cosine, sine) : vec2(-sine, cosine);
  return quadrant < 2u ? turned : -turned;
}
#endif
