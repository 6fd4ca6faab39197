// Rows of packed tables come out as the reference decoders give them, bit for bit where the type allows it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/text.h"
#include "runtime/ops/ops.h"
#include "shaders/control.h"
#include "tests/ops/matrix.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"

namespace lorikeet::test {
namespace {

std::vector<float> look_up(Device& device, const Matrix& table, const ControlTable& control) {
  Graph g;
  const std::vector<uint32_t> words = control.words();
  const int64_t rows = int64_t(control.slots.size());
  const Tensor t = g.weight("table", table.type, {table.rows, table.columns}, {"table", 0, table.rows});
  g.keep(embed(g, t, g.state("control", DType::u32, {int64_t(words.size())}), rows), "y");
  Data data;
  data.bytes["table"] = table.bytes;
  data.words["control"] = words;
  auto outcome = run_graph(device, g, data);
  if (!outcome) FAIL(outcome.error().message);
  return outcome->floats["y"];
}

void check_rows(const std::vector<float>& got, const Matrix& table, const std::vector<uint32_t>& tokens) {
  REQUIRE(got.size() == tokens.size() * size_t(table.columns));
  size_t wrong = 0;
  for (size_t r = 0; r < tokens.size(); ++r) {
    for (size_t i = 0; i < size_t(table.columns); ++i) {
      const float value = got[r * size_t(table.columns) + i];
      const float expected = table.values[tokens[r] * size_t(table.columns) + i];
      // One rounding of d * q + m, with or without a fused multiply-add.
      if (!(std::abs(value - expected) <= 2e-7f * std::abs(expected) + 1e-9f)) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("embed looks up rows of every weight type", "[embed]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (DType type : kWeightTypes) {
    const Matrix table = random_matrix(type, 70, layout(type).block > 1 ? 512 : 301, 9);
    const ControlTable control{.slots = {0, 0, 0, 0}, .positions = {0, 1, 2, 3}, .tokens = {69, 0, 33, 31}};
    INFO(name(type));
    check_rows(look_up(*device, table, control), table, control.tokens);
  }
}

TEST_CASE("embed gives zeros for padding rows and tokens outside the table", "[embed]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const Matrix table = random_matrix(DType::q8_0, 40, 64, 9);
  const ControlTable control{.slots = {0, 0xffffffffu, 0}, .positions = {0, 1, 2}, .tokens = {3, 5, 40}};
  const std::vector<float> y = look_up(*device, table, control);
  CHECK(std::vector<float>(y.begin() + 64, y.end()) == std::vector<float>(128, 0.0f));
  CHECK(std::vector<float>(y.begin(), y.begin() + 64) ==
        std::vector<float>(table.values.begin() + 192, table.values.begin() + 256));
}

TEST_CASE("embed takes visual rows where the control table says so", "[embed]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  for (const int64_t columns : {64, 44}) {
    const Matrix table = random_matrix(DType::f32, 40, columns, 9);
    const ControlTable rows{.slots = {0, 0, 0, 0}, .positions = {0, 1, 2, 3}, .tokens = {3, 2, 9, 0xffffffffu}};
    std::vector<uint32_t> words = rows.words();
    for (uint32_t row : {1, 2, 3}) words[words[3] + row * shader::kRowWords + 3] = shader::kRowVisual;
    Graph g;
    const Tensor t = g.weight("table", table.type, {40, columns}, {"table", 0, 40});
    const Tensor visual = g.state("visual", DType::f32, {3, columns});
    g.keep(embed(g, t, g.state("control", DType::u32, {int64_t(words.size())}), 4, visual), "y");
    const std::vector<float> seen = random_floats(size_t(3 * columns), 4);
    auto outcome = run_graph(
        *device, g, {.floats = {{"visual", seen}}, .words = {{"control", words}}, .bytes = {{"table", table.bytes}}});
    if (!outcome) FAIL(outcome.error().message);
    std::vector<float> expected(table.values.begin() + 3 * columns, table.values.begin() + 4 * columns);
    expected.insert(expected.end(), seen.begin() + 2 * columns, seen.end());
    expected.resize(size_t(4 * columns), 0.0f);  // rows that are not there
    CHECK(outcome->floats["y"] == expected);
  }
}

TEST_CASE("embed equals the reference decoders on real and on random blocks", "[embed]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const auto file = golden("quants/quants.gguf"), expected_file = golden("quants/quants.safetensors");
  const auto tensors = open_tensors(file), expected = open_tensors(expected_file);
  if (!tensors) FAIL(tensors.error().message);
  if (!expected) FAIL(expected.error().message);
  size_t seen = 0;
  for (const TensorInfo& info : tensors->tensors()) {
    if (std::find(std::begin(kWeightTypes), std::end(kWeightTypes), info.type) == std::end(kWeightTypes) ||
        info.shape.size() != 2)
      continue;
    if (info.type == DType::f16 || info.type == DType::bf16 || info.type == DType::f32) continue;  // extremes: below
    const TensorInfo* values = expected->find(info.name);
    REQUIRE(values != nullptr);
    Matrix table{info.type, int64_t(info.rows()), int64_t(info.columns()), {}, {}};
    const Bytes bytes = tensors->data(info).value(), floats = expected->data(*values).value();
    table.bytes.assign(bytes.begin(), bytes.end());
    table.values.resize(floats.size() / 4);
    std::memcpy(table.values.data(), floats.data(), floats.size());
    const ControlTable control{.slots = {0, 0}, .positions = {0, 1}, .tokens = {1, 0}};
    INFO(info.name);
    check_rows(look_up(*device, table, control), table, control.tokens);
    ++seen;
  }
  CHECK(seen >= 16);
}

TEST_CASE("embed keeps f16 exact down to its subnormals", "[embed]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  Matrix table{DType::f16, 1, 32 * 1024, {}, {}};
  for (uint32_t half = 0; half < 32 * 1024; ++half) {
    const uint32_t bits = half < 0x7c00 ? half | (half & 1) << 15 : 0;  // every finite value, odd ones negative
    table.bytes.insert(table.bytes.end(), {std::byte(bits & 255), std::byte(bits >> 8)});
  }
  table.values.resize(32 * 1024);
  REQUIRE(dequantise(table.type, table.bytes, table.values).ok());
  const ControlTable control{.slots = {0}, .positions = {0}, .tokens = {0}};
  CHECK(look_up(*device, table, control) == table.values);
}

TEST_CASE("embed refuses what does not fit", "[embed]") {
  Graph g;
  embed(g, g.weight("t", DType::q4_1, {8, 32}, {"t", 0, 8}), g.input("c", DType::f32, {8}), 1);
  REQUIRE(g.error());
  CHECK(g.error()->message == "[embed] control is f32, expected u32.");
}

}  // namespace lorikeet::test
