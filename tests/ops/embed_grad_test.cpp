// The gradient of a table of rows.
#include "runtime/ops/gradients.h"
#include "tests/ops/op_test.h"

namespace lorikeet::test {

TEST_CASE("the gradient of embed adds up the rows of each token in their order", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gradients");
  const uint32_t none = 0xffffffffu;
  const ControlTable rows{.slots = {0, 0, 0, none, 0, 1, 0, 0, 1},
                          .positions = {0, 1, 2, 0, 3, 0, 4, 5, 1},
                          .tokens = {3, 2, 3, 3, 9, 3, 2, 0, 3}};
  std::vector<uint32_t> words = rows.words();
  for (const uint32_t row : {1, 5, 6}) words[words[3] + row * shader::kRowWords + 3] = shader::kRowVisual;
  for (const int64_t columns : {1, 70}) {
    const auto dy = random_floats(size_t(9 * columns), 2);
    for (const bool visual : {false, true}) {
      std::vector<float> expected(size_t(5 * columns));
      for (const size_t row :
           visual ? std::vector<size_t>{1, 5, 6} : std::vector<size_t>{0, 2, 7, 8})  // 9 is no row of it
        for (int64_t c = 0; c < columns; ++c)
          expected[size_t(int64_t(rows.tokens[row]) * columns + c)] += dy[row * size_t(columns) + size_t(c)];
      Graph g;
      g.keep(embed_grad(g, g.input("dy", DType::f32, {9, columns}), control_state(g, words), 5, visual), "y");
      check_choices(*device, g, {.floats = {{"dy", dy}}, .words = {{"control", words}}}, expected, 1e-14);
    }
  }
}

}  // namespace lorikeet::test
