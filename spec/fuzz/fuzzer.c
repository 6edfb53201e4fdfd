/* The driver under libFuzzer: FUZZ_TARGET names the target. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "spec/fuzz/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static lua_State *L; // libFuzzer has no context to keep it in
    if (!L) {
        const char *target = getenv("FUZZ_TARGET");
        if (!target) {
            fprintf(stderr, "fuzz: FUZZ_TARGET must name a file of spec/fuzz/targets\n");
            exit(2);
        }
        L = driver_open(target);
    }
    driver_run(L, (const char *)bytes, size);
    return 0;
}
