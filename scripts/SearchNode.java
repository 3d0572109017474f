import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.codelibs.opensearch.runner.node.OpenSearchRunnerNode;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.plugins.Plugin;

/** One OpenSearch node, from jars alone: java -Dmodules=CLASS,... SearchNode HOME KEY=VALUE... */
public class SearchNode {
	public static void main(String[] args) throws Exception {
		for (String folder : List.of("config", "modules", "plugins")) {
			Files.createDirectories(Path.of(args[0], folder));
		}
		var settings = Settings.builder().put("path.home", args[0]);
		for (String arg : List.of(args).subList(1, args.length)) {
			int at = arg.indexOf('=');
			settings.put(arg.substring(0, at), arg.substring(at + 1));
		}
		var plugins = new ArrayList<Class<? extends Plugin>>();
		for (String name : System.getProperty("modules").split(",")) {
			plugins.add(Class.forName(name).asSubclass(Plugin.class));
		}
		var environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "node");
		var node = new OpenSearchRunnerNode(environment, plugins);
		Runtime.getRuntime().addShutdownHook(new Thread(() -> {
			try {
				node.close();
			} catch (Exception e) {
				e.printStackTrace();
			}
		}));
		node.start();
		Thread.currentThread().join();
	}
}
