// Tickets, with a timeline semaphore and with fences; injected losses; opening again.
#include <chrono>
#include <thread>

#include "tests/device/support.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

Options with(const std::string& hide, const std::string& fault = "") {
  Options options = device_options();
  if (!hide.empty()) options.hide += (options.hide.empty() ? "" : ",") + hide;
  options.fault = fault;
  return options;
}

// Commands that copy `bytes` of memory around, so that they take a while.
struct Work {
  Work(Device& device, uint32_t count)
      : kernel(fill_kernel(device)), y(floats(device, MemoryUse::readback, count)), commands(record(device, *this)) {}

  static CommandBuffer record(Device& device, const Work& work) {
    auto recorder = take(Recorder::begin(device, "work"));
    recorder.barrier();
    for (int i = 0; i < 4; ++i) {
      record_fill(recorder, work.kernel, {&work.y, 0, work.y.size()}, float(i));
      recorder.barrier();
    }
    recorder.host_barrier();
    return take(recorder.end());
  }

  Kernel kernel;
  Buffer y;
  CommandBuffer commands;
};

}  // namespace

TEST_CASE("tickets grow, and waiting for one waits for all before it") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const char* hide : {"", "timeline"}) {
    INFO("hidden: " << hide);
    Device device = take(open_device(with(hide)));
    const Work work(device, 1 << 16);
    CHECK(device.done(Ticket{0}));
    CHECK_FALSE(device.done(Ticket{1}));
    std::vector<Ticket> tickets;
    for (int i = 0; i < 20; ++i) tickets.push_back(submit(device, work.commands));
    for (size_t i = 1; i < tickets.size(); ++i) CHECK(tickets[i].value > tickets[i - 1].value);
    take(device.wait(tickets[10]));
    for (int i = 0; i <= 10; ++i) CHECK(device.done(tickets[size_t(i)]));
    take(device.wait(tickets[3]));
    take(device.wait(tickets.back()));
    CHECK(device.done(tickets.back()));
    CHECK(device.submissions() == 20);
    CHECK(all_are(read(work.y), 3.0f));
    const auto never = device.wait(Ticket{tickets.back().value + 1});
    REQUIRE_FALSE(never.ok());
    CHECK(never.error().code == ErrorCode::invalid_argument);
    CHECK_FALSE(device.lost());
  }
}

TEST_CASE("one submission of several batches gives one ticket each") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const char* hide : {"", "timeline"}) {
    Device device = take(open_device(with(hide)));
    const Work work(device, 1 << 12);
    const CommandBuffer* one[] = {&work.commands};
    const std::span<const CommandBuffer* const> batches[] = {one, one, one, {}};
    const Ticket first = take(device.submit_each(batches));
    for (uint64_t i = 0; i < 4; ++i) take(device.wait(Ticket{first.value + i}));
    const Ticket next = submit(device, work.commands);
    CHECK(next.value == first.value + 4);
    take(device.wait(next));
    CHECK_FALSE(device.submit_each({}).ok());
  }
}

TEST_CASE("a wait that may be too short says so and harms nothing") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const char* hide : {"", "timeline"}) {
    Device device = take(open_device(with(hide)));
    const Work work(device, 1 << 20);
    Ticket last;
    for (int i = 0; i < 10; ++i) last = submit(device, work.commands);
    int rounds = 0;
    while (!take(device.wait_for(last, 100'000))) ++rounds;
    CHECK(rounds > 0);
    CHECK_FALSE(device.lost());
  }
}

TEST_CASE("a device that is too late is given up") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const char* hide : {"", "timeline"}) {
    Device device = take(open_device(with(hide)));
    {
      const Work work(device, 1 << 20);
      const CommandBuffer* list[] = {&work.commands, &work.commands, &work.commands, &work.commands, &work.commands};
      const Ticket ticket = take(device.submit(list));
      const Status late = device.wait(ticket, 1000);
      REQUIRE_FALSE(late.ok());
      CHECK(late.error().code == ErrorCode::device_lost);
      CHECK(device.lost());
      CHECK(device.submit(list).error().code == ErrorCode::device_lost);
    }  // the commands may still run: what they use stays until they are through, or for ever
    take(device.reopen());
    CHECK_FALSE(device.lost());
    const Work again(device, 64);
    run(device, again.commands);
    CHECK(all_are(read(again.y), 3.0f));
  }
}

TEST_CASE("threads may submit and wait at once") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const char* hide : {"", "timeline"}) {
    Device device = take(open_device(with(hide)));
    const Work work(device, 256);
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const CommandBuffer* list[] = {&work.commands};
        for (int n = 0; n < 50; ++n) {
          auto ticket = device.submit(list);
          if (!ticket || !device.wait(*ticket) || !device.done(*ticket)) ++failures;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(device.submissions() == 200);
  }
}

TEST_CASE("an injected loss is an error, and the device can be opened again") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Device device = take(open_device(with("", "submit:3")));
  {
    const Work work(device, 1 << 16);
    const CommandBuffer* list[] = {&work.commands};
    const Ticket first = take(device.submit(list));
    const Ticket second = take(device.submit(list));
    const auto third = device.submit(list);
    REQUIRE_FALSE(third.ok());
    CHECK(third.error().code == ErrorCode::device_lost);
    CHECK(device.lost());
    CHECK(device.submissions() == 2);
    CHECK(device.wait(first).error().code == ErrorCode::device_lost);
    CHECK_FALSE(device.done(second));
    CHECK(device.submit(list).error().code == ErrorCode::device_lost);
    CHECK(device.create_buffer({16, MemoryUse::device, "late"}).error().code == ErrorCode::device_lost);
    CHECK(Recorder::begin(device, "late").error().code == ErrorCode::device_lost);
    const KernelRequest request{"fill", embedded_shader("fill"), {}, 0, false};
    CHECK(device.create_kernels(std::span(&request, 1)).error().code == ErrorCode::device_lost);
    CHECK(work.commands.timings().empty());
    take(device.reopen());  // what is still alive is dead, and may be destroyed later
  }
  CHECK_FALSE(device.lost());
  CHECK(device.submissions() == 0);
  const Work work(device, 64);
  for (int i = 0; i < 5; ++i) run(device, work.commands);
  CHECK(all_are(read(work.y), 3.0f));
}
