/* Adapters through the C interface. */
#include <string.h>

#include "api_checks.h"

static void count_notice(void* user, const char* line) {
  if (line[0]) ++*(int*)user;
}

static collected say(lk_session* session, uint32_t slot) {
  static const int32_t kPrompt[] = {1, 346, 347, 300, 67, 298};
  lk_generate_options options = {sizeof options};
  collected c;
  memset(&c, 0, sizeof c);
  options.max_tokens = 8;
  options.ignore_eos = 1;
  NEED(lk_session_set_tokens(session, slot, kPrompt, 6));
  NEED(lk_generate(session, slot, &options, collect, &c, NULL));
  return c;
}

static int same(const collected* a, const collected* b) {
  return a->count == 8 && b->count == 8 && memcmp(a->ids, b->ids, 8 * sizeof a->ids[0]) == 0;
}

void check_adapters(lk_device* device, const char* path, const char* first_folder, const char* second_folder) {
  lk_model* model = NULL;
  lk_adapter *first = NULL, *second = NULL, *none = NULL;
  lk_adapter_options options = {sizeof options};
  lk_adapter_info info = {sizeof info};
  lk_session_options session_options = {sizeof session_options};
  lk_session_memory memory = {sizeof memory};
  lk_session* session = NULL;
  lk_adapter* adapters[3] = {NULL, NULL, NULL};
  const double scales[3] = {1, 1, 0};
  const uint32_t both[] = {0, 1}, silent[] = {2}, unknown[] = {3};
  collected base, with, zero, again;
  int notices = 0;
  NEED(lk_model_load(device, path, NULL, &model));
  CHECK(lk_adapter_open(model, "/no/such/adapter", NULL, &none) == LK_NOT_FOUND && none == NULL);
  CHECK(lk_adapter_open(NULL, first_folder, NULL, &none) == LK_INVALID_ARGUMENT);
  CHECK(lk_adapter_free(NULL) == LK_OK);
  options.notice = count_notice;
  options.notice_user = &notices;
  NEED(lk_adapter_open(model, first_folder, &options, &first));
  NEED(lk_adapter_open(model, second_folder, NULL, &second));
  CHECK(notices == 0);
  NEED(lk_adapter_get_info(first, &info));
  CHECK(strcmp(info.kind, "DynMoLE") == 0 && info.rank == 4 && info.experts == 6 && info.routers == 9 && info.bytes > 0);
  NEED(lk_adapter_get_info(second, &info));
  CHECK(strcmp(info.kind, "LoRA") == 0 && info.rank == 8 && info.experts == 1 && info.routers == 0);

  session_options.slots = 2;
  session_options.adapter_count = 3;
  CHECK(lk_session_create(model, &session_options, &session) == LK_INVALID_ARGUMENT && session == NULL);
  session_options.adapters = adapters;
  CHECK(lk_session_create(model, &session_options, &session) == LK_INVALID_ARGUMENT && session == NULL);
  adapters[0] = adapters[2] = first;
  adapters[1] = second;
  session_options.adapter_scales = scales;
  NEED(lk_session_get_memory(model, &session_options, &memory));
  CHECK(memory.adapter_bytes > info.bytes);
  NEED(lk_session_create(model, &session_options, &session));
  CHECK(lk_adapter_free(first) == LK_INVALID_ARGUMENT && lk_model_free(model) == LK_INVALID_ARGUMENT);
  base = say(session, 0);
  NEED(lk_session_set_adapters(session, 0, both, 1));
  with = say(session, 0);
  CHECK(!same(&base, &with));
  printf("ids:");
  for (size_t i = 0; i < with.count; ++i) printf(" %ld", (long)with.ids[i]);
  printf("\n");
  NEED(lk_session_set_adapters(session, 1, both, 2));
  again = say(session, 1);
  CHECK(again.count == 8);
  NEED(lk_session_set_adapters(session, 1, silent, 1)); /* scaled by 0 */
  zero = say(session, 1);
  CHECK(same(&base, &zero));
  NEED(lk_session_set_adapters(session, 0, NULL, 0));
  again = say(session, 0);
  CHECK(same(&base, &again));
  CHECK(lk_session_set_adapters(session, 0, unknown, 1) == LK_INVALID_ARGUMENT);
  CHECK(lk_session_set_adapters(session, 7, both, 1) == LK_INVALID_ARGUMENT);
  CHECK(lk_session_set_adapters(session, 0, NULL, 1) == LK_INVALID_ARGUMENT);
  CHECK(lk_session_set_adapters(session, 0, (const uint32_t[]){0, 2}, 2) == LK_INVALID_ARGUMENT); /* two with routers */
  NEED(lk_session_free(session));
  {
    lk_model* other = NULL;
    NEED(lk_model_load(device, path, NULL, &other));
    CHECK(lk_session_create(other, &session_options, &session) == LK_INVALID_ARGUMENT && session == NULL);
    CHECK(strstr(lk_last_error(), "another model") != NULL);
    NEED(lk_model_free(other));
  }
  NEED(lk_adapter_free(first));
  NEED(lk_adapter_free(second));
  NEED(lk_model_free(model));
}
