package manifold.interop;

import java.util.Arrays;
import java.util.List;

/** HAPI FHIR meets a node: its validator looks at what was answered, and its client does what a consumer does. */
public final class Hapi {
    private Hapi() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 0) {
            throw new IllegalArgumentException("wanted: validate [--profiles FOLDER] FILE... | client NAME=VALUE..."
                    + " | publish BASE DOMAIN PATIENT");
        }
        List<String> rest = Arrays.asList(arguments).subList(1, arguments.length);
        switch (arguments[0]) {
            case "validate" -> Validate.run(rest);
            case "client" -> Consumer.run(rest);
            case "publish" -> Publisher.run(rest);
            default -> throw new IllegalArgumentException("no such command: " + arguments[0]);
        }
    }
}
