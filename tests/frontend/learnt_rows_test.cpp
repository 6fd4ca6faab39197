// Which rows of a batch logits are made for.
#include "frontend/training/learnt_rows.h"
#include "frontend/training/batch_pictures.h"
#include "shaders/control.h"
#include "tests/support/catch.h"

namespace lorikeet::test {

TEST_CASE("learnt rows: few of a batch are gathered and many are all") {
  Batch batch;
  batch.weights.assign(512, 0);
  CHECK(learnt_count(batch, 512) == 64);
  for (size_t i = 0; i < 64; ++i) batch.weights[i * 3] = 0.5f;
  CHECK(learnt_count(batch, 512) == 64);
  batch.weights[511] = 0.5f;
  CHECK(learnt_count(batch, 512) == 128);
  CHECK(learnt_count(batch, 224) == 224);  // more than half of them
  batch.weights.assign(512, 0.5f);
  CHECK(learnt_count(batch, 512) == 512);
}

TEST_CASE("learnt rows: targets and weights go with their rows and the rest names none") {
  BatchRows rows;
  rows.target = {1, 2, 3, 4, 5};
  rows.loss_weights = {0, 0.25f, 0, 0.5f, 0};
  const LearntRows learnt = learnt_rows(rows, 4);
  CHECK(learnt.target == std::vector<uint32_t>{2, 4, 0, 0});
  CHECK(learnt.loss_weights == std::vector<float>{0.25f, 0.5f, 0, 0});
  REQUIRE(int64_t(learnt.list.size()) == wanted_list_words(4));
  CHECK(std::vector<uint32_t>(learnt.list.begin() + shader::kStepWords, learnt.list.end()) ==
        std::vector<uint32_t>{1, 3, UINT32_MAX, UINT32_MAX});
}

}  // namespace lorikeet::test
