#include "runtime/plan/draft.h"

#include <algorithm>
#include <random>

#include "tests/support/catch.h"

using namespace lorikeet;

namespace {

PlannedDispatch uses(std::vector<Access> accesses) {
  PlannedDispatch item;
  item.accesses = std::move(accesses);
  return item;
}

Access reads(int32_t resource, uint64_t offset = 0, uint64_t size = 16) {
  return {resource, offset, size, true, false};
}
Access writes(int32_t resource, uint64_t offset = 0, uint64_t size = 16) {
  return {resource, offset, size, false, true};
}

bool conflict(const PlannedDispatch& a, const PlannedDispatch& b) {
  for (const Access& x : a.accesses)
    for (const Access& y : b.accesses)
      if (x.resource == y.resource && (x.writes || y.writes) && x.offset < y.offset + y.size &&
          y.offset < x.offset + x.size)
        return true;
  return false;
}

}  // namespace

TEST_CASE("readers of one tensor share a level, its writer stands before and after") {
  std::vector<PlannedDispatch> list{uses({writes(0)}), uses({reads(0), writes(1)}), uses({reads(0), writes(2)}),
                                    uses({writes(0)})};
  CHECK(assign_levels(list, 3) == 3);
  CHECK(list[0].level == 0);
  CHECK(list[1].level == 1);
  CHECK(list[2].level == 1);
  CHECK(list[3].level == 2);
}

TEST_CASE("writes to different ranges of one tensor share a level") {
  std::vector<PlannedDispatch> list{uses({writes(0, 0, 16)}), uses({writes(0, 16, 16)}), uses({reads(0, 8, 16)})};
  CHECK(assign_levels(list, 1) == 2);
  CHECK(list[2].level == 1);
}

TEST_CASE("no two dispatches of one level conflict and every conflict keeps its order") {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<PlannedDispatch> list;
    for (int i = 0; i < 30; ++i) {
      std::vector<Access> accesses;
      for (int k = 0; k < 3; ++k) {
        const uint64_t offset = random() % 4 * 16, size = 16 + random() % 3 * 16;
        Access access{int32_t(random() % 5), offset, size, random() % 2 == 0, false};
        access.writes = !access.reads || random() % 4 == 0;
        accesses.push_back(access);
      }
      PlannedDispatch item = uses(accesses);
      item.node = i;
      list.push_back(item);
    }
    assign_levels(list, 5);
    for (const PlannedDispatch& a : list)
      for (const PlannedDispatch& b : list)
        if (a.node < b.node && conflict(a, b)) REQUIRE(a.level < b.level);
  }
}
