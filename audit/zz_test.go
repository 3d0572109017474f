package audit
import ("testing";"time";"sort";"fmt";"os";"syscall")
func cpu() time.Duration { var a syscall.Rusage; syscall.Getrusage(0,&a); return time.Duration(a.Utime.Nano()+a.Stime.Nano())}
var _ = time.Now
func TestZZ(t *testing.T){
 o:=Options{Data:os.Getenv("D"),Database:os.Getenv("U"),Ledger:os.Getenv("L")}
 st:=cpu(); a,err:=begin(t.Context(),o); if err!=nil {t.Fatal(err)}
 fmt.Println("begin",cpu()-st, a.missing)
 type r struct{d time.Duration; q string}
 var rs []r
 for _,p:=range a.promises(){ for _,q:=range p.probes { for _,x:=range []string{q.of,q.bad}{ if x=="" {continue}; s:=cpu(); n:=0; err:=a.each(x,func(f func(...any) error) error {n++;return nil}); rs=append(rs,r{cpu()-s,fmt.Sprint(p.name,n,err," ",x)})}}}
 sort.Slice(rs,func(i,j int)bool{return rs[i].d>rs[j].d})
 var sum time.Duration
 for i,x:=range rs { sum+=x.d; if i<14 {fmt.Println(x.d,x.q[:min(300,len(x.q))])}}
 fmt.Println("all",sum)
}
