"""The app in Azure: Bicep for its resources, and scripts for what Bicep cannot do in Microsoft Entra."""
