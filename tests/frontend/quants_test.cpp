#include "frontend/checkpoint/quant/quant.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "frontend/checkpoint/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

using namespace lorikeet;

namespace {

const std::vector<DType> kWritable = {DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0,
                                      DType::q5_1, DType::q4_k, DType::q5_k, DType::q6_k};

std::vector<float> floats(const TensorFiles& files, const TensorInfo& tensor, unsigned threads = 1) {
  std::vector<float> values(tensor.elements());
  REQUIRE(dequantise(tensor.type, files.data(tensor).value(), values, threads).ok());
  return values;
}

double relative_rms(const std::vector<float>& given, const std::vector<float>& wanted) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    error += std::pow(double(given[i]) - wanted[i], 2);
    norm += std::pow(double(wanted[i]), 2);
  }
  return std::sqrt(error / norm);
}

std::vector<std::byte> quantised(DType type, const std::vector<float>& values, unsigned threads = 1) {
  std::vector<std::byte> bytes(row_bytes(type, values.size()));
  REQUIRE(quantise(type, values, bytes, threads).ok());
  return bytes;
}

std::vector<float> round_trip(DType type, const std::vector<float>& values) {
  std::vector<float> back(values.size());
  REQUIRE(dequantise(type, quantised(type, values), back).ok());
  return back;
}

bool has_minimum(DType type) {
  for (DType other : {DType::q4_1, DType::q5_1, DType::q2_k, DType::q4_k, DType::q5_k})
    if (type == other) return true;
  return false;
}

}  // namespace

TEST_CASE("quants: every type decodes to the golden values") {
  const auto packed = open_tensors(test::golden("quants/quants.gguf"));
  const auto wanted = open_tensors(test::golden("quants/quants.safetensors"));
  REQUIRE(packed.ok());
  REQUIRE(wanted.ok());
  for (const TensorInfo& tensor : packed->tensors()) {
    INFO(tensor.name);
    const TensorInfo* expected = wanted->find(tensor.name);
    REQUIRE(expected);
    CHECK(expected->shape == tensor.shape);
    const std::vector<float> given = floats(*packed, tensor), values = floats(*wanted, *expected);
    // A fused multiply-add in d * q - m may differ in the last place; everything else is exact to the bit.
    const float tolerance = has_minimum(tensor.type) ? 2e-7f : 0;
    size_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const bool same = std::memcmp(&given[i], &values[i], 4) == 0;
      if (!same && !(std::fabs(given[i] - values[i]) <= tolerance * std::fabs(values[i]))) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("quants: the quantisers are as good as the reference") {
  const auto wanted = open_tensors(test::golden("quants/quants.safetensors"));
  const auto golden = nlohmann::json::parse(read_text(test::golden("quants/quants.json")).value());
  const std::vector<float> source = floats(*wanted, *wanted->find("source"));
  for (DType type : kWritable) {
    const double reference = golden[std::string(name(type))]["rms_error_vs_source"];
    const double error = relative_rms(round_trip(type, source), source);
    INFO(name(type) << " has " << error << ", the reference " << reference);
    CHECK(error <= 1.1 * reference);
  }
  CHECK(relative_rms(round_trip(DType::f32, source), source) == 0);
  CHECK(relative_rms(round_trip(DType::f16, source), source) < 5e-4);
  CHECK(relative_rms(round_trip(DType::bf16, source), source) < 4e-3);
}

TEST_CASE("quants: unusual values come out near and finite") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (DType type : kWritable) {
    for (int kind = 0; kind < 8; ++kind) {
      std::vector<float> values(512);
      for (size_t i = 0; i < values.size(); ++i) {
        const float x = normal(random);
        values[i] = kind == 0   ? 0
                    : kind == 1 ? 1.5f
                    : kind == 2 ? -2.25f
                    : kind == 3 ? std::fabs(x) + 1
                    : kind == 4 ? -std::fabs(x) - 1
                    : kind == 5 ? x * 1e-39f
                    : kind == 6 ? (i % 64 == 5 ? 40.0f : x * 0.01f)
                                : x * 1e37f;
      }
      INFO(name(type) << " kind " << kind);
      const std::vector<float> back = round_trip(type, values);
      for (float value : back) REQUIRE(std::isfinite(value));
      if (kind == 0 || kind == 5) CHECK(relative_rms(back, std::vector<float>(512, 1.0f)) <= 1.0001);
      if (kind >= 1 && kind <= 4) CHECK(relative_rms(back, values) < 0.12);
      if (kind == 6) CHECK(relative_rms(back, values) < 0.3);
    }
  }
}

TEST_CASE("quants: threads change nothing") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> values(size_t(1) << 18);
  for (float& value : values) value = normal(random);
  for (DType type : {DType::q4_k, DType::q4_1, DType::f16}) {
    const auto one = quantised(type, values, 1);
    CHECK(one == quantised(type, values, 4));
    std::vector<float> a(values.size()), b(values.size());
    REQUIRE(dequantise(type, one, a, 1).ok());
    REQUIRE(dequantise(type, one, b, 3).ok());
    CHECK(a == b);
  }
}

TEST_CASE("quants: what cannot be done is refused") {
  std::vector<float> values(512, 1.0f);
  std::vector<std::byte> bytes(10000);
  CHECK(dequantise(DType::i32, Bytes(bytes).first(2048), values).error().message ==
        "[dequantise] tensors of type i32 cannot be turned into f32.");
  CHECK_FALSE(dequantise(DType::q4_k, Bytes(bytes).first(144), values).ok());
  CHECK_FALSE(dequantise(DType::q4_k, Bytes(bytes).first(144), std::span(values).first(100)).ok());
  CHECK_FALSE(quantise(DType::iq4_nl, values, std::span(bytes).first(18 * 16)).ok());
  values[100] = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(quantise(DType::q4_0, values, std::span(bytes).first(18 * 16)).ok());
  values[100] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(quantise(DType::q6_k, values, std::span(bytes).first(420)).ok());
}
