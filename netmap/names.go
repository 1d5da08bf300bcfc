// # Names
//
// What package netmap calls what net/netmap.h does. A constant in the second
// column has the value of the name in the first; the third says which call or
// spec uses it, or why there is none (-).
//
// Requests:
//
//	NETMAP_REQ_REGISTER                ReqRegister              Open, OpenSpec
//	NETMAP_REQ_PORT_INFO_GET           ReqPortInfoGet           Control.PortInfo
//	NETMAP_REQ_VALE_ATTACH             ReqVALEAttach            Control.VALEAttach
//	NETMAP_REQ_VALE_DETACH             ReqVALEDetach            Control.VALEDetach
//	NETMAP_REQ_VALE_LIST               ReqVALEList              Control.VALEList, Control.VALEFind
//	NETMAP_REQ_PORT_HDR_SET            ReqPortHdrSet            Control.SetPortHdr
//	NETMAP_REQ_PORT_HDR_GET            ReqPortHdrGet            Control.PortHdr
//	NETMAP_REQ_VALE_NEWIF              ReqVALENewIf             Control.VALENewIf
//	NETMAP_REQ_VALE_DELIF              ReqVALEDelIf             Control.VALEDelIf
//	NETMAP_REQ_VALE_POLLING_ENABLE     ReqVALEPollingEnable     Control.VALEPollingEnable
//	NETMAP_REQ_VALE_POLLING_DISABLE    ReqVALEPollingDisable    Control.VALEPollingDisable
//	NETMAP_REQ_POOLS_INFO_GET          ReqPoolsInfoGet          Control.PoolsInfo
//	NETMAP_REQ_SYNC_KLOOP_START        ReqSyncKloopStart        Port.RunKloop
//	NETMAP_REQ_SYNC_KLOOP_STOP         ReqSyncKloopStop         Port.StopKloop
//	NETMAP_REQ_CSB_ENABLE              ReqCSBEnable             Open with Config.Kloop
//	NETMAP_POLLING_MODE_SINGLE_CPU     PollingSingleCPU         Control.VALEPollingEnable
//	NETMAP_POLLING_MODE_MULTI_CPU      PollingMultiCPU          Control.VALEPollingEnable
//
// Options of requests:
//
//	NETMAP_REQ_OPT_EXTMEM              OptTypeExtMem            OptExtMem, Config.ExtMem, @extmem
//	NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS OptTypeSyncKloopEventFDs OptSyncKloopEventFDs, KloopConfig.Events
//	NETMAP_REQ_OPT_CSB                 OptTypeCSB               OptCSB, Config.Kloop
//	NETMAP_REQ_OPT_SYNC_KLOOP_MODE     OptTypeSyncKloopMode     OptSyncKloopMode, KloopConfig.Mode
//	NETMAP_REQ_OPT_OFFSETS             OptTypeOffsets           OptOffsets, Config.Offsets, @offset
//	NM_OPT_SYNC_KLOOP_DIRECT_TX        KloopDirectTx            KloopConfig.Mode
//	NM_OPT_SYNC_KLOOP_DIRECT_RX        KloopDirectRx            KloopConfig.Mode
//
// Modes of a registration:
//
//	NR_REG_DEFAULT                     -                        not a mode; the control interface refuses it
//	NR_REG_ALL_NIC                     ModeAllNIC               eth0
//	NR_REG_SW                          ModeSW                   eth0^
//	NR_REG_NIC_SW                      ModeNICSW                eth0*
//	NR_REG_ONE_NIC                     ModeOneNIC               eth0-1
//	NR_REG_PIPE_MASTER                 -                        the control interface refuses it: a pipe is a name, eth0{1
//	NR_REG_PIPE_SLAVE                  -                        the control interface refuses it: a pipe is a name, eth0}1
//	NR_REG_NULL                        ModeNull                 OpenSpec; no text says it
//	NR_REG_ONE_SW                      ModeOneSW                eth0^1
//
// Flags of a registration:
//
//	NR_MONITOR_TX                      FlagMonitorTx            /t
//	NR_MONITOR_RX                      FlagMonitorRx            /r
//	NR_ZCOPY_MON                       FlagZCopyMon             /z
//	NR_EXCLUSIVE                       FlagExclusive            /x
//	NR_RX_RINGS_ONLY                   FlagRxRingsOnly          /R
//	NR_TX_RINGS_ONLY                   FlagTxRingsOnly          /T
//	NR_ACCEPT_VNET_HDR                 FlagAcceptVnetHdr        OpenSpec
//	NR_DO_RX_POLL                      FlagDoRxPoll             the kernel never reads it
//	NR_NO_TX_POLL                      FlagNoTxPoll             always set by Open
//
// Flags of a ring:
//
//	NR_TIMESTAMP                       RingTimestamp            RingHeader.Flags
//	NR_FORWARD                         RingForward              RingHeader.Flags
//
// Flags of a slot:
//
//	NS_BUF_CHANGED                     BufChanged               set by Swap and Move
//	NS_REPORT                          Report
//	NS_FORWARD                         Forward
//	NS_NO_LEARN                        NoLearn
//	NS_INDIRECT                        Indirect
//	NS_MOREFRAG                        MoreFrag                 kept by Move
//	NS_TXMON                           TxMon
//	NS_PORT_SHIFT                      SlotFlags.WithPort
//	NS_PORT_MASK                       SlotFlags.Port           and SlotFlags.Fragments, which is NS_RFRAGS
//	NETMAP_MAX_FRAGS                   MaxFrags
//
// The rest:
//
//	NETMAP_API                         -                        requests are of the oldest version that kernels take
//	NETMAP_MIN_API                     -                        the version of all requests
//	NETMAP_MAX_API                     -                        newer than what requests here need
//	NETMAP_REQ_IFNAMSIZ                -                        one more than MaxName, for the closing zero
//	NETMAP_REQ_MAXSIZE                 -                        the kernel holds requests against it
//	NI_PRIV_MEM                        -                        every region has an id, Memory.ID
//	NIOCCTRL                           File.Ctrl
//	NIOCTXSYNC                         File.Sync                Queue.Sync
//	NIOCRXSYNC                         File.Sync                Queue.Sync
//	NIOCREGIF                          -                        of the legacy interface; NIOCCTRL says all of it, in every module since 2018
//	NIOCGINFO                          -                        of the legacy interface
package netmap
