/* Which devices are there, and what would Lorikeet use?  */
#include <lorikeet.h>
#include <stdio.h>

static void show(void* user, const lk_device_info* info) {
  (void)user;
  printf("%s %u  %s (%s), %.1f GB\n     %s\n", info->chosen ? "*" : " ", (unsigned)info->index, info->name, info->kind,
         (double)info->memory_bytes * 1e-9, info->reason);
}

int main(void) {
  lk_device* device = NULL;
  uint64_t used = 0, available = 0;
  printf("Lorikeet %s\n", lk_version());
  if (lk_device_list(NULL, show, NULL) != LK_OK || lk_device_open(NULL, &device) != LK_OK) {
    fprintf(stderr, "%s\n", lk_last_error());
    return 1;
  }
  lk_device_memory(device, &used, &available);
  printf("opened %s: %.1f GB are free\n", lk_device_name(device), (double)available * 1e-9);
  return lk_device_close(device) == LK_OK ? 0 : 1;
}
