#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

TEST_CASE("gather_rows takes the wanted rows and zeroes the rest", "[ops]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gather_rows");
  for (const int64_t columns : {1, 4, 44, 67, 576}) {
    ControlTable table{.slots = {0, 0, 0, 0, 0}, .positions = {0, 1, 2, 3, 4}};
    auto control = table.words();
    const uint32_t wanted_at = control[4];
    control[1] = 3;  // wanted
    const uint32_t wanted[] = {4, 1, 99};
    for (uint32_t i = 0; i < 3; ++i) control[wanted_at + i] = wanted[i];
    Graph g;
    const Tensor x = g.input("x", DType::f32, {5, columns});
    g.keep(gather_rows(g, x, control_state(g, control), 4), "y");
    const auto vx = random_floats(size_t(5 * columns), 11);
    std::vector<float> expected(size_t(4 * columns), 0);
    for (size_t i = 0; i < 2; ++i)
      for (size_t c = 0; c < size_t(columns); ++c)
        expected[i * size_t(columns) + c] = vx[wanted[i] * size_t(columns) + c];
    check_choices(*device, g, {.floats = {{"x", vx}}, .words = {{"control", control}}}, expected, 1e-30);
  }
}
