// Runs one of the official test kits of the Dataspace Working Group and says how it went in lines that we can read.
// Started from source: java -cp 'folder/*' Kit.java <properties file> <launcher class> <test package>
// It ends with its standard input, so that it never outlives who started it.

import java.io.FileInputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.eclipse.dataspacetck.core.system.ConsoleMonitor;
import org.eclipse.dataspacetck.runtime.TckRuntime;

public class Kit {
    public static void main(String[] args) throws Exception {
        var parent = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (java.io.IOException gone) { }
            Runtime.getRuntime().halt(3);
        });
        parent.setDaemon(true);
        parent.start();
        var file = new Properties();
        try (var in = new FileInputStream(args[0])) {
            file.load(in);
        }
        Map<String, String> properties = new HashMap<>();
        file.stringPropertyNames().forEach(name -> properties.put(name, file.getProperty(name)));
        properties.put("dataspacetck.launcher", args[1]);
        var debug = Boolean.parseBoolean(file.getProperty("dataspacetck.debug"));
        var summary = TckRuntime.Builder.newInstance().properties(properties).addPackage(args[2])
            .monitor(new ConsoleMonitor(debug, false)).build().execute();
        for (var failure : summary.getFailures()) {
            var why = String.valueOf(failure.getException()).replaceAll("\\s+", " ");
            System.out.println("KIT FAILURE: " + failure.getTestIdentifier().getDisplayName() + "\t" + why);
        }
        System.out.println("KIT RESULT: " + summary.getTestsSucceededCount() + " passed, "
            + summary.getTestsFailedCount() + " failed, " + summary.getTestsSkippedCount() + " skipped, "
            + summary.getContainersFailedCount() + " classes failed");
        System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
    }
}
